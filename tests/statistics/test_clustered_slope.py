"""The slope with an interval over clusters."""

import numpy as np
import pytest
from scipy.stats import linregress, t

from ctbench.errors import UsageError
from ctbench.statistics.clustered_slope import clustered_slope


def test_clusters_of_one_point_have_nearly_the_interval_of_least_squares():
    """With equal variances the two standard errors estimate the same: over many draws their mean squares agree."""
    rng, x = np.random.default_rng(0), np.arange(20.0)
    robust, usual = [], []
    for _ in range(200):
        y = 0.1 * x + rng.normal(size=20)
        found, line = clustered_slope(x, y, np.arange(20)), linregress(x, y)
        assert found.value == pytest.approx(line.slope)
        robust.append((found.high - found.low) / 2)
        usual.append(line.stderr * t.ppf(0.975, 18))
    assert np.mean(robust) == pytest.approx(np.mean(usual), rel=0.1)


def test_values_that_are_alike_within_clusters_have_a_wider_interval():
    """Six cases of four readings each, whose order is that of the cases: case differences look like drift."""
    rng = np.random.default_rng(1)
    case = np.repeat(np.arange(6), 4)
    y = rng.normal(size=6)[case] + 0.1 * rng.normal(size=24)
    clustered, single = (clustered_slope(np.arange(24), y, names) for names in (case, np.arange(24)))
    assert clustered.high - clustered.low > 1.5 * (single.high - single.low)


def test_the_interval_covers():
    """Of 300 studies of eight cases that are read twice about 95 % hold the true drift."""
    rng, case, hits = np.random.default_rng(2), np.tile(np.arange(8), 2), 0
    for _ in range(300):
        order = rng.permutation(16)
        found = clustered_slope(order, rng.normal(size=8)[case] + rng.normal(size=16) + 0.2 * order, case)
        hits += found.low < 0.2 < found.high
    assert 0.91 <= hits / 300 <= 0.99


@pytest.mark.parametrize(
    ("x", "clusters", "reason"),
    [
        ([1, 2], [1, 2], "fewer than three points"),
        ([1, 1, 1], [1, 2, 3], "all x are equal"),
        ([1, 2, 3], [1, 1, 2], "fewer than three clusters: no interval"),
    ],
)
def test_what_cannot_be_computed_has_a_reason(x, clusters, reason):
    """The reason stands in the estimate, and there is no interval."""
    found = clustered_slope(x, np.arange(len(x)), clusters)
    assert (found.reason, np.isnan(found.low)) == (reason, True)


def test_values_that_are_missing_are_left_out_and_lengths_must_agree():
    """A NaN is counted; other lengths are an error."""
    found = clustered_slope([1, 2, 3, 4], [1, np.nan, 3, 4], [1, 2, 3, 4])
    assert (found.n, found.left_out, found.value) == (3, 1, pytest.approx(1))
    with pytest.raises(UsageError, match="one length"):
        clustered_slope([1, 2], [1, 2, 3], [1, 2])
