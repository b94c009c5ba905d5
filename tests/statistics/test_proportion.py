import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from ctbench.errors import UsageError
from ctbench.statistics import failures, wilson


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
