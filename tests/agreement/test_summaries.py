from dataclasses import replace

import numpy as np
import pytest

from ctbench.agreement import pair_summary, reader_summary, reliability
from ctbench.statistics import icc


def with_volumes(study, volumes):
    """Give the study other volumes of iph: (case, reader) -> mL; what is not named is not there."""
    rows = study.by_reader
    keys = list(zip(rows["case"], rows["reader"], strict=True))
    rows = rows.assign(value=[volumes.get(key, np.nan) for key in keys])
    keep = (rows["metric"] == "volume_ml") & (rows["label"] == "iph") & rows["value"].notna()
    return replace(study, by_reader=rows[keep])


def statistic(study, name):
    """The row of one statistic of iph."""
    frame = reliability(study)
    return frame[(frame["label"] == "iph") & (frame["statistic"] == name)].iloc[0]


def test_pairs_are_averaged_over_cases(study):
    """The boxes are alike in all four cases: Dice 7/8 without any spread."""
    table = pair_summary(study).set_index(["label", "reader", "other", "metric"])
    row = table.loc["iph", "r1", "r2", "dice"]
    assert (row["n"], row["mean"]) == (4, pytest.approx(7 / 8))
    assert row["sd"] == pytest.approx(0)
    assert table.loc["ivh", "r1", "r2", "dice"]["n"] == 3


def test_overall_is_the_mean_over_structures_but_not_groups(study):
    """The second box is 5 voxels long: its Dice is 4/5; case d has the first only."""
    table = pair_summary(study).set_index(["label", "reader", "other", "metric"])
    row = table.loc["overall", "r1", "r2", "dice"]
    assert (row["n"], row["min"]) == (4, pytest.approx((7 / 8 + 4 / 5) / 2))
    assert row["mean"] == pytest.approx((3 * (7 / 8 + 4 / 5) / 2 + 7 / 8) / 4)


def test_readers_are_averaged_over_cases(study):
    """Each has volume, STAPLE performance and weight in the consensus."""
    table = reader_summary(study).set_index(["label", "reader", "metric"])
    assert table.loc["iph", "r1", "volume_ml"]["mean"] == pytest.approx(0.768)
    assert table.loc["iph", "r1", "without_dice"]["mean"] == pytest.approx(12 / 14)
    assert table.loc["iph", "r1", "staple_sensitivity"]["n"] == 4


def test_icc_is_that_of_the_table_of_volumes(study):
    """Cases in rows, readers in columns, whichever order the rows of the study have."""
    table = np.random.default_rng(1).uniform(1, 9, (4, 1)) + np.random.default_rng(2).normal(0, 0.5, (4, 3))
    readers = ("r1", "r2", "r3")
    volumes = {(case, reader): table[i, j] for i, case in enumerate("abcd") for j, reader in enumerate(readers)}
    for form in ("1,1", "2,1", "3,k"):
        row, expected = statistic(with_volumes(study, volumes), f"icc({form})"), icc(table, form)
        assert (row["value"], row["low"], row["n"]) == (pytest.approx(expected.value), pytest.approx(expected.low), 4)


def test_one_way_icc_does_not_ask_who_read(study):
    """Two readers a case, but not the same two: only the one-way forms can use them."""
    volumes = {("a", "r1"): 1, ("a", "r2"): 1.2, ("b", "r1"): 3, ("b", "r3"): 3.3, ("c", "r2"): 5, ("c", "r3"): 5.1}
    chosen = with_volumes(study, volumes)
    assert statistic(chosen, "icc(1,1)")["value"] == pytest.approx(icc([[1, 1.2], [3, 3.3], [5, 5.1]], "1,1").value)
    two_way = statistic(chosen, "icc(2,1)")
    assert np.isnan(two_way["value"])
    assert (two_way["left_out"], two_way["reason"]) == (3, "fewer than two complete cases")


def test_what_cannot_be_had_has_a_reason(study):
    """All boxes have one volume: no intraclass correlation; a case without ivh is counted as left out."""
    assert statistic(study, "icc(2,1)")["reason"] == "all ratings are equal"
    table = reliability(study).set_index(["label", "statistic"])
    assert table.loc["iph", "fleiss_kappa"]["n"] == 4
    assert table.loc["ivh", "fleiss_kappa"]["n"] == 3


def test_kappa_is_the_mean_over_cases(study):
    """Boxes alike in all cases have one kappa, that of the closed form, and an interval without width."""
    row = statistic(study, "fleiss_kappa")
    share, observed = 0.32, 536 / 600
    chance = share**2 + (1 - share) ** 2
    assert row["value"] == pytest.approx((observed - chance) / (1 - chance))
    assert row["high"] - row["low"] == pytest.approx(0, abs=1e-12)
