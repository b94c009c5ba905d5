import numpy as np
import pandas as pd
import pytest

from ctbench.report.frames.two_raters import duel, side_by_side


def rows_of(first, second, metric="dice", label="iph"):
    """Tidy scores of two raters."""
    parts = [
        pd.DataFrame({"case": [f"c{at}" for at in range(len(values))], "rater": rater, "value": values})
        for rater, values in (("old", first), ("new", second))
    ]
    return pd.concat(parts, ignore_index=True).assign(label=label, metric=metric, unit="1")


FIRST, SECOND = [0.5, 0.6, 0.7, 0.8, None], [0.6, 0.7, 0.69, 0.8, 0.9]


def test_wins_ties_and_losses_add_up():
    """A pair that lacks a value counts nowhere; the margin says what is a tie."""
    row = duel(rows_of(FIRST, SECOND), first="old", second="new", structures=["iph"]).iloc[0]
    assert (row["n"], row["wins"], row["ties"], row["losses"]) == (4, 2, 1, 1)
    assert row["difference"] == pytest.approx(np.mean([0.1, 0.1, -0.01, 0]))
    assert (row["first"], row["second"]) == pytest.approx((0.65, 0.6975))
    row = duel(rows_of(FIRST, SECOND), first="old", second="new", structures=["iph"], margin=0.05).iloc[0]
    assert (row["wins"], row["ties"], row["losses"]) == (2, 2, 0)


def test_lower_distances_win():
    """The metric's direction says who wins; where there is none, nobody does."""
    row = duel(rows_of(FIRST, SECOND, "hd95"), first="old", second="new", structures=["iph"]).iloc[0]
    assert (row["wins"], row["losses"]) == (1, 2)
    row = duel(rows_of(FIRST, SECOND, "volume_ml"), first="old", second="new", structures=["iph"]).iloc[0]
    assert pd.isna(row["wins"])


def test_p_is_adjusted_over_the_structures_that_are_shown():
    """Twenty clear wins: better after Holm's correction; structures stand in the order given, also without values."""
    clear = np.linspace(0.5, 0.6, 20)
    rows = pd.concat([rows_of(clear, clear + 0.1), rows_of(clear, clear, label="ivh")])
    table = duel(rows, first="old", second="new", structures=["sah", "ivh", "iph"])
    assert table["label"].tolist() == ["sah", "ivh", "iph"]
    assert table["better"].tolist() == ["", "", "new"]
    assert table["reason"].tolist() == ["no case with values of both", "all differences are 0: no test", ""]
    assert table["p_holm"].iloc[2] < 0.001
    with_t = duel(rows_of(FIRST, SECOND), first="old", second="new", structures=["iph"], test="t")
    plain = duel(rows_of(FIRST, SECOND), first="old", second="new", structures=["iph"])
    assert with_t["p"].iloc[0] != plain["p"].iloc[0]


def test_the_cases_that_the_second_loses_come_first():
    """Pairs without a value are left out; nothing is shown of raters that are not there."""
    pairs = side_by_side(rows_of(FIRST, SECOND), first="old", second="new")
    assert pairs["case"].tolist()[0] == "c2"
    assert len(pairs) == 4
    assert side_by_side(rows_of(FIRST, SECOND), first="old", second="nobody").empty
    empty = duel(rows_of([], []), first="old", second="new", structures=["iph"])
    assert empty["n"].tolist() == [0]
