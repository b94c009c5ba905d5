"""Intervals of means keep to the metric's bounds, and intervals of medians are order statistics."""

import numpy as np
import pytest
import scipy.stats
from scipy.special import expit, logit

from ctbench.statistics import describe
from ctbench.statistics.mean_intervals import median_ranks


def test_a_share_is_a_t_interval_of_logits(tidy):
    """Dice: the half-width is that of the t interval over m (1 - m), on the scale of the logit."""
    values = np.array([0.9, 0.95, 0.7, 0.99, 0.98, 0.6])
    row = describe(tidy({"model": values})).iloc[0]
    mean, half = values.mean(), scipy.stats.t.ppf(0.975, 5) * values.std(ddof=1) / np.sqrt(6)
    scaled = half / (mean * (1 - mean))
    assert (row["low"], row["high"]) == pytest.approx((expit(logit(mean) - scaled), expit(logit(mean) + scaled)))


@pytest.mark.parametrize(("metric", "top"), [("dice", 1.0), ("nsd", 1.0), ("hd95", np.inf), ("rvd_absolute", np.inf)])
def test_no_interval_leaves_the_bounds(tidy, metric, top):
    """Values far apart, whose plain t interval would be negative (Dice -.26 to 1.47)."""
    row = describe(tidy({"model": [0.0, 0.0, 0.95, 0.98, 0.9]}, metric=metric)).iloc[0]
    assert 0 < row["low"] < row["mean"] < row["high"] < top


@pytest.mark.parametrize(("values", "metric"), [([0.9, 0.8, 0.7, 0.6], "dice"), ([1.0] * 8, "dice"), ([0.0] * 8, "hd")])
def test_too_few_or_equal_values_have_none(tidy, values, metric):
    """Four Dice values, or eight times the same, say nothing about the spread."""
    assert describe(tidy({"model": values}, metric=metric)).iloc[0][["low", "high"]].isna().all()


def test_shares_of_reader_studies_are_bounded_too(tidy):
    """The interval of STAPLE's sensitivity ends below 1 (not at 1.017)."""
    row = describe(tidy({"reader1": [1.0, 0.99, 0.7, 1.0, 1.0, 0.98]}, metric="staple_sensitivity")).iloc[0]
    assert row["high"] < 1


@pytest.mark.parametrize(("n", "rank"), [(5, 0), (6, 1), (8, 1), (9, 2), (12, 3), (25, 8)])
def test_medians_lie_between_order_statistics(tidy, n, rank):
    """The ranks are those of tables of the sign test; fewer than six values have no interval."""
    assert median_ranks(np.array([n])).tolist() == [rank]
    values = np.random.default_rng(n).permutation(n) / 100
    row = describe(tidy({"model": values.tolist()})).iloc[0]
    expected = ((rank - 1) / 100, (n - rank) / 100) if rank else (np.nan, np.nan)
    np.testing.assert_equal((row["median_low"], row["median_high"]), expected)


def test_groups_and_missing_values_do_not_mix(tidy):
    """The values of two raters in turn, of whom one has a NaN and another one no value."""
    rows = tidy({"a": [0, 1, 2, 3, 4, 5, np.nan], "b": [10, 11, 12, 13, 14, 15, 16], "c": [np.nan] * 7}, metric="hd95")
    table = describe(rows.sort_values("case")).set_index("rater").loc[["a", "b", "c"]]
    np.testing.assert_equal(table["median_low"].to_numpy(), [0, 10, np.nan])
    np.testing.assert_equal(table["median_high"].to_numpy(), [5, 16, np.nan])
    np.testing.assert_equal(table["min"].to_numpy(), [0, 10, np.nan])
    np.testing.assert_equal(table["max"].to_numpy(), [5, 16, np.nan])


def test_no_groups_have_no_intervals(tidy):
    """An empty table is described as an empty table."""
    assert describe(tidy({"model": [0.5]}).iloc[:0]).empty
