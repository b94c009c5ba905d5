"""The page multiverse: which conclusions survive every combination of choices."""

import pandas as pd
import pytest

from ctbench.datasets import load_dataset
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.lesion_summaries import compared_lesions
from ctbench.report.frames.multiverse import (
    better_first,
    closest_pair,
    conclusions,
    specifications,
    summary_of,
    turning_points,
)


def _table(test, *columns):
    return next(one.value for one in test.dataframe if set(columns) <= set(one.value.columns))


@pytest.fixture(scope="module")
def compared(toy_runs):
    """The runs of the toy board."""
    (results,) = gather(toy_runs.values())
    return results


def _words(test):
    return " ".join(one.proto.body for one in test.html)


def test_the_page_says_what_the_command_says(app, toy_board, compared):
    """The sentence, the shares of all pairs, and the combinations of the closest pair."""
    test = app(toy_board, "multiverse")
    ranked = specifications([compared])
    found = conclusions(ranked)
    assert summary_of(found) in _words(test)
    shown = _table(test, "first", "share")
    pd.testing.assert_frame_equal(shown, found[better_first(found)].reset_index(drop=True), check_dtype=False)
    points = turning_points(ranked, *closest_pair(found))
    assert _table(test, "difference", "better")["difference"].tolist() == points["difference"].tolist()


def test_another_pair_is_drawn(app, toy_board):
    """The address names the pair, and the caption below the chart too."""
    test = app(toy_board, "multiverse", pair="sharp or blunt")
    assert "sharp or blunt, n = " in _words(test)


def test_protocols_of_lesions_are_a_choice_on_request(app, toy, toy_board, compared):
    """With the switch each protocol ranks the models by its own figure; without it none does."""
    assert set(_table(app(toy_board, "multiverse"), "difference", "better")["protocol"]) == {""}
    test = app(toy_board, "multiverse", lesion_protocols="true", pair="sharp or blunt")
    lesions = compared_lesions(compared, load_dataset(toy)).cases
    points = turning_points(specifications([compared], lesions=[lesions]), "sharp", "blunt")
    shown = _table(test, "difference", "better")
    assert {"any", "pq", "cc", "brats-met"} <= set(shown["protocol"])
    assert shown["difference"].tolist() == pytest.approx(points["difference"].tolist())


def test_one_model_without_readers_has_nothing_to_rank(app, toy_runs, tmp_path):
    """A note, and no table."""
    (tmp_path / "sharp").symlink_to(toy_runs["sharp"].folder)
    test = app(tmp_path, "multiverse")
    assert not test.dataframe
    assert "It takes two models" in test.info[0].value
