import dataclasses
import math

import numpy as np
import pytest
import scipy.stats

from ctbench.errors import UsageError
from ctbench.statistics import bland_altman, icc, limits_with_mean

# Peak expiratory flow rate, first measurements by the large and the mini Wright meter: Bland and Altman, Lancet 1986.
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def test_peak_flow_of_the_first_paper():
    """Bias -2.1, SD 38.8, limits (two SDs) -79.7 and 75.5, interval of the bias -22.0 to 17.8, as printed in 1986."""
    result = bland_altman(MINI, LARGE)
    bias, sd = round(result.bias, 1), round(result.sd, 1)
    assert (bias, sd) == (-2.1, 38.8)
    assert (bias - 2 * sd, bias + 2 * sd) == pytest.approx((-79.7, 75.5))  # the paper goes on from rounded figures
    assert (result.bias_low, result.bias_high) == pytest.approx((-22.0, 17.8), abs=0.06)


def test_interval_of_the_limits_by_hand():
    """A limit's interval is the t interval with the variance sd^2 (1 / n + z^2 / 2 (n - 1)), all worked out here."""
    result = bland_altman([0.0, 0.0, 0.0], [1.0, 2.0, 3.0])
    z, t = 1.959963985, 4.302652730  # 97.5 % of the normal and of t(2)
    half = t * math.sqrt(1 / 3 + z**2 / 4)
    assert (result.lower, result.upper) == pytest.approx((2 - z, 2 + z))
    assert (result.lower_low, result.lower_high) == pytest.approx((2 - z - half, 2 - z + half))
    assert (result.upper_low, result.upper_high) == pytest.approx((2 + z - half, 2 + z + half))


def test_proportional_bias_is_the_regression_of_difference_on_mean():
    """Slope and p are those of scipy's linear regression."""
    large, mini = np.array(LARGE), np.array(MINI)
    result = bland_altman(mini, large)
    fit = scipy.stats.linregress((large + mini) / 2, large - mini)
    assert (result.slope, result.slope_p) == pytest.approx((fit.slope, fit.pvalue))


def test_swapping_the_methods_mirrors_the_limits():
    """Measured minus reference: exchanged methods have the opposite bias and exchanged limits."""
    there, back = bland_altman(MINI, LARGE), bland_altman(LARGE, MINI)
    assert (back.bias, back.lower, back.upper) == pytest.approx((-there.bias, -there.upper, -there.lower))


def test_nan_pairs_are_left_out_and_counted():
    """A pair with a NaN changes nothing but the count."""
    whole, holed = bland_altman(MINI, LARGE), bland_altman([*MINI, math.nan], [*LARGE, 1.0])
    assert dataclasses.replace(holed, left_out=0) == whole
    assert holed.left_out == 1


@pytest.mark.parametrize(
    ("reference", "measured", "reason"),
    [([], [], "0 cases"), ([1.0], [2.0], "1 case"), ([1.0, 1.0], [2.0, 2.0], "same mean"), ([1, 2], [2, 3], "too few")],
)
def test_too_little_data_says_so(reference, measured, reason):
    """Too few or constant pairs give NaN with a reason, not a crash."""
    result = bland_altman(reference, measured)
    assert reason in result.reason
    assert math.isnan(result.slope_p)


@pytest.mark.parametrize(("reference", "measured"), [([1.0], [1.0, 2.0]), ([1.0], [math.inf]), ([[1.0]], [[1.0]])])
def test_impossible_pairs_are_refused(reference, measured):
    """Lengths that differ, infinite values and tables are errors."""
    with pytest.raises(UsageError):
        bland_altman(reference, measured)


def _with_squares(cases, readers, between, residual, cases_sd=10.0):
    """Ratings with the given standard deviations of readers' bias, residual and cases, by mean squares, exactly."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((cases, readers))
    noise -= noise.mean(axis=0) + noise.mean(axis=1, keepdims=True) - noise.mean()
    noise *= residual * math.sqrt((cases - 1) * (readers - 1) / (noise**2).sum())
    biases = np.arange(readers) - (readers - 1) / 2
    biases *= math.sqrt((cases * between**2 + residual**2) * (readers - 1) / cases / (biases @ biases))
    truth = rng.standard_normal((cases, 1))
    truth -= truth.mean()
    truth *= math.sqrt((readers * cases_sd**2 + residual**2) * (cases - 1) / readers / (truth**2).sum())
    return 50 + truth + biases + noise


def test_limits_with_the_mean_of_jones():
    """Forty subjects by five observers, SDs .285 and .579: +-1.131 (1.010 to 1.816) as the R package loamr prints."""
    estimate = limits_with_mean(_with_squares(40, 5, 0.285, 0.579))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((1.131, 1.010, 1.816), abs=0.0015)


def test_limits_with_the_mean_of_aortas():
    """Fifty aortas by 18 observers, SDs 6.6904, 1.0684 and .9577: +-2.7329 (2.3680, 3.5677) and ICC .956031."""
    ratings = _with_squares(50, 18, 1.0684, 0.9577, cases_sd=6.6904)
    estimate = limits_with_mean(ratings)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((2.7329, 2.3680, 3.5677), abs=1e-4)
    assert icc(ratings, "2,1").value == pytest.approx(0.956031, abs=2e-6)


def test_limits_with_the_mean_are_those_of_the_deviations():
    """The limits are 1.96 root mean square of the deviations from the cases' means."""
    ratings = np.random.default_rng(1).normal(0, 1, (10, 3))
    deviations = ratings - ratings.mean(axis=1, keepdims=True)
    assert limits_with_mean(ratings).value == pytest.approx(1.959964 * math.sqrt(np.mean(deviations**2)), rel=1e-6)


def test_limits_with_the_mean_leave_out_incomplete_cases():
    """A case with a NaN is counted as left out; one case has no limits."""
    holed = limits_with_mean([[1.0, 2.0], [2.0, 2.5], [3.0, math.nan]])
    assert (holed.n, holed.left_out) == (2, 1)
    assert math.isnan(limits_with_mean([[1.0, 2.0]]).value)
    with pytest.raises(UsageError):
        limits_with_mean([[1.0], [2.0]])
