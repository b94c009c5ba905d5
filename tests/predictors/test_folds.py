import pytest

from ctbench.errors import DataError, MissingFileError, UsageError
from ctbench.predictors.folds import FOLDS, Fold, best_folders, best_weights, joined_digest, write_folds


def written(folder, *dice):
    """Write folds of these Dice, and say where their weights are."""
    folds = [Fold(number, f"fold-{number}/w", (f"c{number}",), value) for number, value in enumerate(dice, 1)]
    write_folds(folder, folds)
    return [str(folder / f"fold-{number}" / "w") for number in range(1, len(dice) + 1)]


def test_all_folds_come_in_their_order(tmp_path):
    """Whatever their Dice."""
    paths = written(tmp_path, 0.2, None, 0.8)
    assert best_weights(tmp_path) == paths


@pytest.mark.parametrize(
    ("dice", "best", "chosen"),
    [
        ((0.2, 0.9, 0.8), 1, [1]),
        ((0.2, 0.9, 0.8), 2, [1, 2]),
        ((0.5, 0.5, 0.5), 2, [0, 1]),
        ((None, 0.0, 0.4), 2, [1, 2]),
        ((0.2, 0.9), 2, [0, 1]),
    ],
)
def test_the_best_folds_have_the_highest_dice(tmp_path, dice, best, chosen):
    """The first of equals; one without a Dice comes last; the order stays that of the folds."""
    paths = written(tmp_path, *dice)
    assert best_weights(tmp_path, best) == [paths[index] for index in chosen]


@pytest.mark.parametrize("best", [0, 3])
def test_more_folds_than_there_are_cannot_be_the_best(tmp_path, best):
    """The message says how many there are."""
    written(tmp_path, 0.2, 0.3)
    with pytest.raises(UsageError, match="expected 1 to 2"):
        best_weights(tmp_path, best)


def test_a_folder_without_folds_is_refused(tmp_path):
    """The message says what makes one."""
    with pytest.raises(MissingFileError, match="train --folds"):
        best_weights(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "[[", '[{"fold": 1}]', '[{"number": 1, "weights": "w", "cases": ["a"], "dice": "high"}]', "\x00"]
)
def test_a_list_that_is_none_is_refused(tmp_path, text):
    """Also one of no folds at all."""
    (tmp_path / FOLDS).write_text(text)
    with pytest.raises(DataError, match="is not a list of folds"):
        best_weights(tmp_path)


def test_a_joined_digest_depends_on_every_digest_and_their_order():
    """Two sets of weights do not get the same one by chance of concatenation."""
    assert len({joined_digest(each) for each in (["ab", "c"], ["a", "bc"], ["c", "ab"], ["ab"])}) == 4


def test_the_best_models_have_the_highest_mean_over_their_folds(tmp_path):
    """In the order in which they came; a fold without a Dice, as of heads without hemorrhage, does not count."""
    folders = [tmp_path / name for name in ("a", "b", "c", "d")]
    for folder, dice in zip(folders, ((0.5, 0.5), (0.9, None), (0.6, 0.8), (None, None)), strict=True):
        written(folder, *dice)
    assert best_folders(folders, 2) == folders[1:3]
    assert best_folders(folders, 3) == folders[:3]
    assert best_folders(folders) == folders
