import math

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.statistics.forecasts import conformal_coverage, conformal_half_width

SCORES = [4, 0.2, 0.5, 0.9, 1.1, 1.4, 2, 2.2, 3.1]


@pytest.mark.parametrize(("alpha", "expected"), [(0.2, 3.1), (0.1, 4.0), (0.05, math.inf)])
def test_half_width_of_nine_scores(alpha, expected):
    """K = ceil(10 (1 - alpha)): the 8th, the 9th, and infinite, for nine cases cannot promise 95 %."""
    assert conformal_half_width(SCORES, alpha) == expected
    with pytest.raises(UsageError, match="between 0 and 1"):
        conformal_half_width(SCORES, 1.0)


def test_coverage_is_what_was_promised():
    """Over 300 draws of patients, the mean coverage lies between 1 - alpha and a little above."""
    rng = np.random.default_rng(0)
    found = []
    for seed in range(300):
        observed = rng.exponential(10, 80)
        predicted = observed + rng.normal(0, 2, 80)
        found.append(conformal_coverage(predicted, observed, np.arange(80), alpha=0.2, seed=seed).coverage)
    assert 0.79 < np.mean(found) < 0.83


def test_cases_of_a_patient_stay_together():
    """With errors that are one patient's own, a calibration patient's cases never count as new."""
    patients = np.repeat(np.arange(10), 3)
    found = conformal_coverage(np.zeros(30), patients, patients, alpha=0.2, seed=1)
    assert (found.calibration_cases, found.cases) == (15, 15)
    assert found.half_width in range(10)


def test_one_patient_has_no_interval():
    """Nothing to calibrate on: infinite, and every case is covered."""
    found = conformal_coverage([1, 2], [3, 4], ["a", "a"])
    assert found == (math.inf, 1.0, 0, 2)


def test_cases_without_a_value_are_left_out():
    """A NaN is neither the largest score nor an uncovered case."""
    assert conformal_half_width([1, 2, math.nan], 0.5) == 2
    assert conformal_half_width([math.nan] * 9) == math.inf
    whole = conformal_coverage([1, 2, 3, 4], [1, 1, 1, 1], ["a", "a", "b", "b"], alpha=0.5)
    holed = conformal_coverage([1, 2, math.nan, 3, 4], [1, 1, 1, 1, 1], ["a", "a", "b", "b", "b"], alpha=0.5)
    assert holed == whole
