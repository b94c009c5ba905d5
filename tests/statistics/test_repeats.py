"""Repeated measurements against formulas by hand, simulations with planted components, and printed values."""

import math

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.statistics import limits_with_mean, limits_with_repeats, overall_ccc, replicate_bland_altman

SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def _simulated(generator, cases=40, readers=6, sessions=2, reader_sd=2.0, cell_sd=1.0, session_sd=0.5):
    return (
        10 * generator.standard_normal((cases, 1, 1))
        + reader_sd * generator.standard_normal((1, readers, 1))
        + cell_sd * generator.standard_normal((cases, readers, 1))
        + session_sd * generator.standard_normal((cases, readers, sessions))
    )


def test_planted_components_are_recovered():
    """The interval of the sessions' spread covers the planted one in 95 % of studies, and the means are unbiased."""
    generator = np.random.default_rng(1)
    found = [limits_with_repeats(_simulated(generator)) for _ in range(400)]
    covered = np.mean([one.session_sd.low <= 0.5 <= one.session_sd.high for one in found])
    assert 0.92 <= covered <= 0.98
    assert np.mean([one.reader_sd**2 for one in found]) == pytest.approx(4.0, abs=0.4)
    assert np.mean([one.case_reader_sd**2 for one in found]) == pytest.approx(1.0, abs=0.05)
    true = 1.96 * math.sqrt(4 * 5 / 6 + 5 / 6 + 0.25 * 5 / 6 + 0.0)
    half = np.mean([one.reproducibility.value for one in found])
    assert half == pytest.approx(true, rel=0.06)


def test_limits_by_hand():
    """Two cases, two readers, two sessions: sums of squares 8 (readers), 2 (interaction) and 4 (sessions)."""
    table = np.array([[[0, 2], [3, 3]], [[11, 11], [12, 14]]], float)
    cell = table.mean(axis=2)
    ssb = 4 * ((table.mean(axis=(0, 2)) - table.mean()) ** 2).sum()
    ssab = 2 * ((cell - table.mean(axis=(1, 2))[:, None] - table.mean(axis=(0, 2)) + table.mean()) ** 2).sum()
    sse = ((table - cell[:, :, None]) ** 2).sum()
    found = limits_with_repeats(table)
    assert found.reproducibility.value == pytest.approx(1.959964 * math.sqrt((ssb + ssab + sse) / 8), rel=1e-6)
    assert found.repeatability.value == pytest.approx(1.959964 * math.sqrt(0.5 * sse / 4), rel=1e-6)


def test_repeats_without_spread_have_the_limits_of_their_means():
    """If both sessions are alike, the limits are those without repeats."""
    table = np.array(SHROUT_FLEISS, float)
    repeated = limits_with_repeats(np.stack([table, table], axis=2))
    assert repeated.reproducibility.value == pytest.approx(limits_with_mean(table).value)
    assert (repeated.repeatability.value, repeated.session_sd.high) == (0.0, 0.0)


def test_replicates_of_a_varying_value():
    """Bias and variance by the formulas, with two pairs of one case and three of the other."""
    found = replicate_bland_altman(list("aabbb"), [0] * 5, [1, 3, 4, 6, 8], true_value="varies")
    within = (2 + 8) / 3
    between = (2 * (2 - 4.4) ** 2 + 3 * (6 - 4.4) ** 2) / 1
    sd = math.sqrt((between - within) / (5 - 13 / 5) + within)
    assert (found.bias, found.n, found.pairs) == (4.4, 2, 5)
    assert found.sd == pytest.approx(sd)
    assert found.upper - found.lower == pytest.approx(2 * 1.959964 * sd)


def test_replicates_of_a_constant_value():
    """The variance of the means' differences plus what a single measurement of each method adds."""
    found = replicate_bland_altman(list("aabbb"), [0, 2, 1, 1, math.nan], [4, 6, 5, 7, 9], true_value="constant")
    means = [5 - 1, 7 - 1]
    variance = np.var(means, ddof=1) + 0.5 * (2 + 0) / 2 + (1 - (1 / 2 + 1 / 3) / 2) * (2 + 8) / 3
    assert found.bias == 5.0
    assert found.sd == pytest.approx(math.sqrt(variance))


def test_replicate_limits_hold_what_they_promise():
    """95 % of new single differences lie between the limits, also where the true value varies within a case."""
    generator = np.random.default_rng(5)
    cases = np.repeat(np.arange(200), 3)
    own = generator.standard_normal(200)[cases]
    one, other = generator.standard_normal((2, 600))
    found = replicate_bland_altman(cases, one, 2 + own + other, true_value="varies")
    assert found.sd == pytest.approx(math.sqrt(3), rel=0.06)
    assert found.bias_low < 2 < found.bias_high


@pytest.mark.parametrize(("ddof", "value"), [(0, 0.253723), (1, 0.284287)])
def test_overall_ccc_of_shrout_and_fleiss(ddof, value):
    """Printed values with both denominators."""
    found = overall_ccc(SHROUT_FLEISS, ddof=ddof)
    assert found.value == pytest.approx(value, abs=5e-7)
    assert found.low < found.value < found.high


def test_what_cannot_be_computed_has_a_reason():
    """Undefined is NaN with a reason; wrong shapes are refused."""
    assert overall_ccc([[1, 1], [2, 2]]).reason == "fewer than three complete cases"
    assert overall_ccc([[1, 1], [2, 2], [3, 3]]).reason == "perfect agreement: no interval"
    assert limits_with_repeats(np.full((2, 2, 2), math.nan)).repeatability.reason == "fewer than two complete cases"
    assert replicate_bland_altman(["a", "b"], [1, 2], [2, 3], true_value="varies").reason == "no case has two pairs"
    with pytest.raises(UsageError, match="sessions"):
        limits_with_repeats(SHROUT_FLEISS)
    with pytest.raises(UsageError, match="true_value"):
        replicate_bland_altman(["a"], [1], [1], true_value="moves")
