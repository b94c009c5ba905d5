import dataclasses
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from ctbench.errors import UsageError
from ctbench.statistics import volume_agreement


def test_four_cases_by_hand():
    """Every figure of four small volumes, worked out by hand."""
    result = volume_agreement([10, 20, 30, 40], [12, 18, 36, 50], limit_ml=6)
    assert result.n == 4
    assert result.mean_difference == pytest.approx(4)
    assert result.mae == pytest.approx(5)
    assert result.rmse == pytest.approx(6)  # (4 + 4 + 36 + 100) / 4 = 36
    assert result.sd_difference == pytest.approx(math.sqrt(80 / 3))
    assert result.share_within == 0.75  # a difference of exactly 6 mL is within
    assert (result.slope, result.intercept) == pytest.approx((1.32, -4.0))
    assert result.mean_relative_difference == pytest.approx((20 - 10 + 20 + 25) / 4)
    assert (result.overestimation, result.underestimation) == pytest.approx((65 / 3, -10))
    assert result.pearson_r == pytest.approx(660 / math.sqrt(500 * 900))
    assert result.concordance == pytest.approx(2 * 660 / (500 + 900 + 4 * 4**2))


def test_round_off_does_not_put_a_difference_over_the_limit():
    """12.3 - 7.3 is 5 mL, though floating point makes it a little more."""
    assert 12.3 - 7.3 > 5
    assert volume_agreement([7.3, 1.0], [12.3, 1.0]).share_within == 1


def test_correlations_agree_with_scipy():
    """Pearson's r with its interval and Spearman's are scipy's."""
    rng = np.random.default_rng(3)
    x = rng.gamma(2, 10, 40)
    y = x + rng.normal(0, 5, 40)
    result, test = volume_agreement(x, y), scipy.stats.pearsonr(x, y)
    interval = test.confidence_interval()
    assert (result.pearson_r, result.pearson_r_low, result.pearson_r_high) == pytest.approx(
        (test.statistic, interval.low, interval.high)
    )
    assert result.spearman_r == pytest.approx(scipy.stats.spearmanr(x, y).statistic)


def test_interval_of_the_correlation_is_fishers():
    """The ends are tanh(atanh(r) +- 1.96 / sqrt(n - 3)); with n = 3 there is no interval."""
    rng = np.random.default_rng(4)
    x, noise = rng.standard_normal((2, 12))
    result, half = volume_agreement(x, x + noise), 1.959963984540054 / math.sqrt(9)
    expected = [math.tanh(math.atanh(result.pearson_r) + sign * half) for sign in (-1, 1)]
    assert result.pearson_r == pytest.approx(np.corrcoef(x, x + noise)[0, 1])
    assert [result.pearson_r_low, result.pearson_r_high] == pytest.approx(expected)
    assert math.isnan(volume_agreement(x[:3], noise[:3]).pearson_r_high)


def test_nearly_constant_volumes_have_a_correlation_without_a_warning():
    """Volumes that differ by round-off only are correlated without an alarm; the caller sees the numbers."""
    reference = 1e5 + np.array([0, 1e-10, 0, 2e-10, 0])
    assert np.ptp(reference) > 0
    assert abs(volume_agreement(reference, [1, 2, 3, 4, 5]).pearson_r) <= 1


def test_concordance_interval_covers():
    """Lin's interval covers the true concordance of a bivariate normal in 95 % of 1,000 samples, within chance."""
    rng, truth = np.random.default_rng(11), 2 * 0.9 / (1 + 1 + 0.5**2)
    hits = 0
    for _ in range(1000):
        x, noise = rng.standard_normal((2, 60))
        result = volume_agreement(x, 0.9 * x + math.sqrt(1 - 0.81) * noise + 0.5)
        hits += result.concordance_low <= truth <= result.concordance_high
    assert 930 <= hits <= 967


@given(st.lists(st.floats(0, 500), min_size=2, max_size=20, unique=True), st.floats(-50, 50))
def test_a_constant_shift(volumes, shift):
    """Measurements off by a constant have that mean difference, slope 1, and concordance at most Pearson's r."""
    volumes = np.round(volumes, 3)
    if np.ptp(volumes) < 1:
        return
    result = volume_agreement(volumes, volumes + shift)
    assert result.mean_difference == pytest.approx(shift, abs=1e-9)
    assert result.rmse == pytest.approx(abs(shift), abs=1e-9)
    assert result.slope == pytest.approx(1)
    assert result.concordance <= result.pearson_r + 1e-12


def test_perfect_agreement_has_no_width():
    """Equal volumes agree perfectly, with intervals that are a point."""
    result = volume_agreement([1, 2, 3, 5], [1, 2, 3, 5])
    assert (result.pearson_r, result.concordance, result.rmse) == pytest.approx((1, 1, 0))
    assert (result.pearson_r_low, result.concordance_low) == pytest.approx((1, 1))


def test_empty_references_are_left_out_of_relative_differences_only():
    """A case without a lesion counts everywhere but in the relative difference, and the count says so."""
    result = volume_agreement([0, 10], [3, 11])
    assert (result.n, result.n_relative) == (2, 1)
    assert result.mean_relative_difference == pytest.approx(10)
    assert result.mean_difference == pytest.approx(2)


def test_nan_pairs_are_left_out_and_counted():
    """A pair with a NaN changes nothing but the count."""
    whole, holed = volume_agreement([1, 2, 4], [1, 2, 5]), volume_agreement([1, 2, math.nan, 4], [1, 2, 3, 5])
    assert holed.left_out == 1
    for field in dataclasses.fields(whole):
        if field.name != "left_out":
            assert getattr(holed, field.name) == pytest.approx(getattr(whole, field.name), nan_ok=True)


@pytest.mark.parametrize(
    ("reference", "measured", "reason"),
    [
        ([], [], "no case"),
        ([1.0], [2.0], "one case"),
        ([1.0, 1.0], [2.0, 3.0], "reference volumes are all equal"),
        ([1.0, 2.0], [3.0, 3.0], "measured volumes are all equal"),
        ([1.0, 2.0, 4.0], [1.0, 3.0, 4.0], "fewer than four"),
    ],
)
def test_too_little_data_says_so(reference, measured, reason):
    """Too few or constant volumes give NaN with a reason, not a crash."""
    result = volume_agreement(reference, measured)
    assert reason in result.reason
    assert math.isnan(result.pearson_r_low)


def test_lengths_must_agree():
    """Lists of different lengths are an error that shows both."""
    with pytest.raises(UsageError, match=r"\(1,\) and \(2,\)"):
        volume_agreement([1.0], [1.0, 2.0])


def test_concordance_never_exceeds_one():
    """Round-off gives more than 1 for nearly equal volumes."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        volumes = rng.uniform(0, 100, 5)
        found = volume_agreement(volumes, volumes * (1 + 1e-15))
        assert max(found.concordance, found.concordance_high) <= 1
