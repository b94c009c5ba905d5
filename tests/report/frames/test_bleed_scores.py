"""Dice and volumes of any hemorrhage."""

import pytest

from ctbench.report.frames.bleed_scores import between_splits, bleed_dice, by_subgroup, dice_table, volume_table
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.strata import bleed_of, combinations


@pytest.fixture
def bleeds(bleed_runs):
    """Two models and two readers, gathered."""
    (results,) = gather(bleed_runs())
    return results


def test_readers_are_judged_without_themselves(bleeds):
    """Models stand on the common reference, readers on those made without them; normal cases have no row."""
    rows = bleed_dice(bleeds, "hemorrhage")
    assert rows.groupby("rater", sort=False)["reference"].unique().map(list).to_dict() == {
        "wide": ["majority"],
        "narrow": ["majority"],
        "reader1": ["majority-without-reader1"],
        "reader2": ["majority-without-reader2"],
    }
    assert set(rows["case"]) == set("abcd")
    assert volume_table(bleeds, "hemorrhage")["reference"].tolist()[2:] == [
        "majority-without-reader1",
        "majority-without-reader2",
    ]


def test_subgroups_sum_to_the_whole(bleeds):
    """Every failure of a rater lies in one subgroup."""
    rows = bleed_dice(bleeds, "hemorrhage")
    parts = by_subgroup(rows, combinations(bleeds))
    whole = dice_table(rows).set_index("rater")
    assert parts.groupby("rater")[["n", "failures"]].sum().loc[list(whole.index)].equals(whole[["n", "failures"]])


def test_other_weights_of_the_same_name_are_not_compared(bleed_runs):
    """Training against validation is of one network."""
    train, test = (gather(bleed_runs(split=split, raters=("wide",)))[0] for split in ("train", "test"))
    assert len(between_splits([train, test], bleed_of)) == 2
    (other,) = gather(bleed_runs(split="test", raters=("wide",), cards={"wide": {"weights_digest": "f" * 64}}))
    assert between_splits([train, other], bleed_of).empty
