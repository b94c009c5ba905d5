"""Overall means of raters against plain pandas, and averages over structures and references."""

import numpy as np
import pytest

from ctbench.boards import Grid
from ctbench.report.frames.averages import common_ground, overall_scores
from ctbench.statistics import overall


def test_averages_are_those_of_the_statistics(scores):
    """Overall scores have the values and statuses of `statistics.overall`, of means over references."""
    chosen = scores[(scores["metric"] == "dice") & scores["reference"].str.contains("-without-")]
    over = ["caudate", "septum_pellucidum", "central_sulcus", "insular_cortex"]
    grids = [Grid.of(own) for _, own in chosen.groupby("reference")]
    names = list(chosen["rater"].unique())
    found = overall_scores(grids, over, "any", lambda entry: entry.rater, names).set_index(["case", "rater"])
    keys = ["case", "rater", "label"]
    each = chosen.assign(value=chosen.groupby(keys)["value"].transform("mean"))
    expected = overall(each.assign(reference="all"), labels=over, population="penalise").set_index(["case", "rater"])
    assert len(found) == len(expected)
    for name in ("value", "status"):
        one, other = (dict(zip(table.index.tolist(), table[name].tolist(), strict=True)) for table in (found, expected))
        assert one == pytest.approx(other, nan_ok=True) if name == "value" else one == other


def test_common_ground_is_where_all_have_a_value():
    """A reference on which somebody lacks a value does not count there; one without any value takes nothing away."""
    nan = np.nan
    first = np.array([[0.8, 0.6, nan], [0.5, 0.5, nan]])
    second = np.array([[0.4, nan, nan], [nan, 0.1, nan]])
    present = np.array([True, True, False])
    np.testing.assert_array_equal(common_ground([first, second], present), first)
    np.testing.assert_array_equal(common_ground([second], present), np.full((2, 3), nan))
