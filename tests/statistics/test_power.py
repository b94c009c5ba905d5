import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from ctbench.errors import UsageError
from ctbench.statistics import cases_for_width, cases_needed, paired_power


def test_power_of_the_t_test_agrees_with_the_noncentral_t():
    """Simulated power lies within chance of the closed form."""
    exact = TTestPower().power(effect_size=0.5, nobs=30, alpha=0.05)
    assert paired_power(0.04, 0.02, 30, test="t", simulations=10_000).value == pytest.approx(exact, abs=0.015)


def test_sample_size_agrees_with_the_noncentral_t():
    """The number of cases for a difference of .02 at a spread of .04 is the textbook's 34, within a case or two."""
    exact = TTestPower().solve_power(effect_size=0.5, power=0.8, alpha=0.05)
    result = cases_needed(0.04, 0.02, test="t", simulations=10_000)
    assert result.n == pytest.approx(exact, abs=2)
    assert result.power_low <= 0.81
    assert result.power >= 0.8


@pytest.mark.parametrize("test", ["wilcoxon", "t"])
def test_size_under_the_null_is_five_per_cent(test):
    """Without a difference the test rejects in 5 % of simulated studies, within chance."""
    assert paired_power(0.05, 0.0, 40, test=test, simulations=4000).value == pytest.approx(0.05, abs=0.011)


def test_observed_differences_keep_their_spread():
    """Drawing from observed differences needs about as many cases as their standard deviation says."""
    differences = np.random.default_rng(2).normal(0.3, 0.05, 25)
    seen, told = (cases_needed(spread, 0.02, test="t") for spread in (differences, differences.std(ddof=1)))
    assert seen.sd == pytest.approx(told.sd)
    assert seen.n == pytest.approx(told.n, rel=0.15)


def test_a_limit_that_is_too_low_says_so():
    """A difference that is too small for the limit gives no number and the reason."""
    result = cases_needed(0.05, 0.0001, limit=50)
    assert (result.n, "50 cases do not reach" in result.reason) == (0, True)


def test_same_seed_same_result():
    """Two calls with one seed are equal."""
    assert cases_needed(0.05, 0.02, seed=3) == cases_needed(0.05, 0.02, seed=3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: cases_needed(0.05, 0.0),
        lambda: cases_needed(0.05, 0.02, power=1.0),
        lambda: cases_needed([0.1, 0.1], 0.02),
        lambda: cases_needed([], 0.02),
        lambda: paired_power(0.05, 0.02, 1),
    ],
)
def test_impossible_plans_are_refused(call):
    """No difference, certain power, no spread or one case are errors."""
    with pytest.raises(UsageError):
        call()


def test_an_interval_is_narrow_enough_with_the_fewest_cases():
    """t(17) = 2.110 of .04 / sqrt(18) is .0199, of 17 cases .0206."""
    assert cases_for_width(0.04, 0.02) == 18
    spread = np.array([-0.04, 0.0, 0.04])
    assert cases_for_width(spread, 0.02) == 18
    for width in (0.0, -1.0, 1e-9):
        with pytest.raises(UsageError, match="half-width above 0"):
            cases_for_width(0.04, width)
