"""Number of readers, rules and tolerances on boxes whose answers are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ctbench.agreement.choices import (
    RULE_NAMES,
    StudyChoices,
    how_many_readers,
    rules_side_by_side,
    study_choices,
    tolerances,
)
from ctbench.datasets import load_dataset
from ctbench.errors import DataError, UsageError
from ctbench.volume import Volume, write_volume


@pytest.fixture
def boxes(tmp_path):
    """Three readers draw boxes 8, 10 and 12 voxels (of 1 mm) wide from the same edge, in one case."""
    for reader, width in (("a", 8), ("b", 10), ("c", 12)):
        array = np.zeros((6, 24, 24), np.uint8)
        array[1:5, 4:20, 4 : 4 + width] = 1
        write_volume(Volume(array, (1.0, 1.0, 1.0)), tmp_path / reader / "c1.nii.gz")
    (tmp_path / "toy.yaml").write_text(
        "toy: {title: t, modality: CT, task: segmentation, labels: {iph: 1}, readers: '{reader}/{case}.nii.gz'}\n"
    )
    return load_dataset(tmp_path / "toy.yaml")


def test_subsets_of_readers_are_fused_and_compared_with_all(boxes):
    """The majority of all is b; one reader has Dice 8/9, 1 or 10/11 with it; two have a tie where they differ."""
    table = how_many_readers(study_choices(boxes, jobs=1)).set_index("readers")
    assert table.loc[1, "dice"] == pytest.approx((16 / 18 + 1 + 20 / 22) / 3)
    assert table.loc[2, "dice"] == pytest.approx((16 / 18 + 16 / 18 + 1) / 3)
    assert table.loc[3, "dice"] == 1.0
    assert table["subsets"].tolist() == [3, 3, 1]
    assert table.loc[2, "indeterminate_share"] == pytest.approx((2 / 10 + 4 / 12 + 2 / 12) / 3)
    assert table.loc[1, "volume_sd_ml"] == pytest.approx(0.064 * 2)


def test_the_rules_stand_side_by_side(boxes):
    """The majority is b's box; the average of the borders is that box with rounded edges."""
    table = rules_side_by_side(study_choices(boxes, jobs=1)).set_index("rule")
    assert tuple(table.index) == RULE_NAMES
    assert table.loc["majority", "volume_ml"] == pytest.approx(0.64)
    assert 0.96 < table.loc["shape-based average", "dice"] < 1
    assert table["volume_ratio"].between(0.9, 1.25).all()


def test_the_shape_based_average_rests_on_the_whole_image(tmp_path):
    """Four of five readers draw 20 x 20 in two slices; where the fifth drew nothing he is 91 mm away and decides.

    Within the box around the drawings he would be 31 mm away at most, and 40 mm in the middle of the others would win.
    """
    for reader in "abcde":
        array = np.zeros((4, 64, 64), np.uint8)
        array[1 : 2 if reader == "e" else 3, 10:30, 10:30] = 1
        write_volume(Volume(array, (1.0, 1.0, 1.0)), tmp_path / reader / "c1.nii.gz")
    (tmp_path / "toy.yaml").write_text(
        "toy: {title: t, modality: CT, task: segmentation, labels: {iph: 1}, surface: 2d,"
        " readers: '{reader}/{case}.nii.gz'}\n"
    )
    table = rules_side_by_side(study_choices(load_dataset(tmp_path / "toy.yaml"), jobs=1)).set_index("rule")
    assert table.loc["majority", "volume_ml"] == pytest.approx(0.8)
    assert table.loc["shape-based average", "volume_ml"] == pytest.approx(0.4)


def test_a_reader_who_was_not_asked_draws_no_structure(boxes, tmp_path):
    """Of all blood, a and b draw nothing; what c draws of the one label that c was asked for makes no row of it."""
    for reader in "ab":
        write_volume(Volume(np.zeros((6, 24, 24), np.uint8), (1.0, 1.0, 1.0)), tmp_path / reader / "c1.nii.gz")
    yaml = (tmp_path / "toy.yaml").read_text()
    groups = "labels: {iph: 1, ivh: 2}, groups: {blood: [iph, ivh]}, reader_labels: {c: [iph]}"
    (tmp_path / "toy.yaml").write_text(yaml.replace("labels: {iph: 1}", groups))
    choices = study_choices(load_dataset(tmp_path / "toy.yaml"), jobs=1)
    for table in (choices.subsets, choices.rules):
        assert set(table["label"]) == {"iph"}


def test_an_unknown_rule_is_refused(boxes):
    """Before any label map is read."""
    with pytest.raises(UsageError, match="did you mean 'majority'"):
        study_choices(boxes, consensus="majorty", jobs=1)


def test_readers_who_drew_nothing_agree(boxes, tmp_path):
    """Where a alone draws, b and c have no Dice with the others; the weighted majority is theirs, without a voxel."""
    for reader in "bc":
        write_volume(Volume(np.zeros((6, 24, 24), np.uint8), (1.0, 1.0, 1.0)), tmp_path / reader / "c1.nii.gz")
    choices = study_choices(boxes, jobs=1)
    table = rules_side_by_side(choices).set_index("rule")
    assert table["volume_ml"].tolist() == pytest.approx([0, 0, 0, 0, 0, 0.512])


def test_nothing_drawn_leaves_tables_without_rows(boxes, tmp_path):
    """Each table keeps the columns that it has otherwise, so that it can be summarised and written."""
    drawn = study_choices(boxes, jobs=1)
    for reader in "abc":
        write_volume(Volume(np.zeros((6, 24, 24), np.uint8), (1.0, 1.0, 1.0)), tmp_path / reader / "c1.nii.gz")
    choices = study_choices(boxes, jobs=1)
    for name in ("subsets", "rules", "distances", "models"):
        assert getattr(choices, name).empty
        assert list(getattr(choices, name)) == list(getattr(drawn, name))
    for described in (how_many_readers, rules_side_by_side):
        assert described(choices).empty
        assert list(described(choices)) == list(described(drawn))
    assert tolerances(choices) == {}


def test_a_speck_of_one_reader_is_no_case_of_the_structure(boxes, tmp_path):
    """In a case whose consensus is empty nobody can agree with it: such cases leave every mean as it was."""
    expected = how_many_readers(study_choices(boxes, jobs=1))
    speck = np.zeros((6, 24, 24), np.uint8)
    for reader in "abc":
        speck[2, 2, 2] = reader == "a"
        write_volume(Volume(speck, (1.0, 1.0, 1.0)), tmp_path / reader / "c2.nii.gz")
    choices = study_choices(load_dataset(tmp_path / "toy.yaml"), jobs=1)
    assert set(choices.subsets["case"]) == {"c1", "c2"}
    pd.testing.assert_frame_equal(how_many_readers(choices), expected)
    rules = rules_side_by_side(choices).set_index("rule")
    assert rules.loc["majority", "dice"] == 1
    assert rules.loc["shape-based average", "dice"] > 0.96


def test_the_tolerance_is_that_of_the_pairs(boxes):
    """Pairs are 2, 2 and 4 mm apart at one face; the mean of their 95 % distances is rounded up to .1 mm."""
    choices = study_choices(boxes, jobs=1)
    assert choices.distances["distance_mm"].tolist() == [2.0, 4.0, 2.0]
    assert tolerances(choices) == {"iph": 2.7}


def test_more_readers_are_recommended_while_they_add_a_hundredth():
    """A pair may agree less than one (ties), yet the third reader gains .02; the fourth gains .005 only."""
    dice = {1: 0.955, 2: 0.95, 3: 0.975, 4: 0.98}
    rows = [
        {"case": "c", "label": "iph", "readers": size, "subset": "", "dice": value, "volume_ml": 1.0}
        for size, value in dice.items()
    ]
    subsets = pd.DataFrame(rows).assign(indeterminate_share=0.0)
    table = how_many_readers(StudyChoices(subsets, pd.DataFrame(), pd.DataFrame()))
    assert table.loc[table["recommended"], "readers"].tolist() == [3]


def test_nobody_to_compare_is_refused(boxes, tmp_path):
    """One reader has no subsets, and empty masks have no tolerance."""
    for reader in "bc":
        (tmp_path / reader / "c1.nii.gz").unlink()
    with pytest.raises(DataError, match="two readers"):
        study_choices(load_dataset(tmp_path / "toy.yaml"), jobs=1)
    assert tolerances(StudyChoices(pd.DataFrame(), pd.DataFrame(), pd.DataFrame())) == {}


def test_subsets_are_fused_by_the_weights_of_the_data_set(boxes):
    """A weighs as much as three: the consensus of all and of every pair with a is that of a."""
    heavy = boxes.select(["c1"])
    case = replace(heavy["c1"], reader_weights={"a": 3.0})
    table = study_choices(replace(heavy, cases=(case,)), jobs=1).subsets.set_index("subset")
    assert table.loc[["a", "a b", "a c", "a b c"], "dice"].tolist() == [1, 1, 1, 1]
    assert table.loc["b", "dice"] == pytest.approx(16 / 18)
