import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from ctbench.errors import UsageError
from ctbench.statistics import clustered_proportion, failures, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_newcombes_examples(successes, n, low, high):
    """The four examples of Newcombe, Statistics in Medicine 1998;17:857-872, Table I, method 3."""
    estimate = wilson(successes, n)
    assert (round(estimate.low, 4), round(estimate.high, 4)) == (low, high)


@pytest.mark.parametrize("n", [1, 2, 30, 100_000])
def test_interval_is_wilsons_closed_form(n):
    """The ends are the two shares p at which (share - p)^2 = z^2 p (1 - p) / n, and the interval holds the share."""
    z = ndtri(0.975)
    for successes in {0, 1, n // 3, n - 1, n}:
        estimate = wilson(successes, n)
        middle, weight = successes / n + z**2 / (2 * n), 1 + z**2 / n
        half = z * math.sqrt(successes * (n - successes) / n**3 + z**2 / (4 * n**2))
        expected = (middle - half) / weight, (middle + half) / weight
        assert (estimate.low, estimate.high) == pytest.approx(expected, abs=1e-12)
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert (wilson(0, n).low, wilson(n, n).high) == (0, 1)


def test_no_cases_no_share():
    """Nothing of nothing is NaN with a reason; more successes than cases is an error."""
    assert math.isnan(wilson(0, 0).value)
    with pytest.raises(UsageError):
        wilson(3, 2)


def _wilson(share, n):
    """Return Wilson's closed form for a number of outcomes that need not be whole."""
    z = ndtri(0.975)
    middle, half = share + z**2 / (2 * n), z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)


def test_clusters_of_one_are_wilsons_interval():
    """Where each outcome is a cluster, the effective number is at most n, and that of n - 1 outcomes."""
    found = np.arange(20) < 14
    estimate, plain = clustered_proportion(found, np.arange(20)), wilson(14, 20)
    assert estimate.value == plain.value
    assert estimate.low == pytest.approx(_wilson(0.7, 19)[0])


def test_equal_outcomes_within_patients_count_once():
    """Patients whose lesions are all alike count as one lesion each: the interval is that of so few lesions."""
    found, patients = np.repeat(np.arange(10) < 6, 8), np.repeat(np.arange(10), 8)
    estimate = clustered_proportion(found, patients)
    assert estimate.value == 0.6
    assert estimate.n == 80
    # The robust variance of ten equal clusters is that of ten values: p(1 - p) / 9.
    assert (estimate.low, estimate.high) == pytest.approx(_wilson(0.6, 9))


def test_all_detected_is_as_uncertain_as_the_number_of_patients():
    """Without any miss, or with one patient only, the interval is Wilson's of as many outcomes as patients."""
    every = clustered_proportion(np.ones(12, bool), np.repeat(np.arange(4), 3))
    assert (every.value, every.low, every.high) == pytest.approx((1, wilson(4, 4).low, 1))
    one = clustered_proportion(np.arange(6) < 3, np.zeros(6, int))
    assert one.low == pytest.approx(_wilson(0.5, 1)[0])
    assert math.isnan(clustered_proportion(np.zeros(0, bool), np.zeros(0, int)).value)


def test_failures_are_counted_below_the_limit(tidy):
    """Scores below .5 are failures, .5 itself is none; failed predictions are told apart; nulls are left out."""
    scores = tidy({"model": [0.49, 0.5, 0.9, 0.0, np.nan]})
    scores.loc[3, "status"] = "failed"
    row = failures(scores).iloc[0]
    assert row[["n", "failures", "failed", "rows_left_out"]].to_list() == [4, 2, 1, 1]
    expected = wilson(2, 4)
    assert (row["share"], row["low"], row["high"], row["minimum"]) == (0.5, expected.low, expected.high, 0.0)


def test_subgroups_are_one_more_column(tidy):
    """Any column can make groups, such as the type of hemorrhage."""
    scores = tidy({"model": [0.2, 0.9]}).assign(subgroup=["ivh", "sdh"])
    assert failures(scores, by=("rater", "subgroup"))["failures"].to_list() == [1, 0]


def test_failures_do_not_mix_metrics(tidy):
    """Several metrics are an error."""
    with pytest.raises(UsageError, match="metric"):
        failures(pd.concat([tidy({"m": [0.2]}), tidy({"m": [0.2]}, metric="nsd")]))
