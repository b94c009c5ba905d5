"""How many cases a study needs: power by simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from ctbench.errors import UsageError
from ctbench.statistics.estimate import ALPHA, Estimate
from ctbench.statistics.missing import Numbers
from ctbench.statistics.paired import Test
from ctbench.statistics.proportion import wilson

__all__ = ["SampleSize", "cases_needed", "paired_power"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """How many cases a paired comparison needs.

    Attributes:
        n: the smallest number of cases found to reach the power; 0 if ``limit`` cases do not.
        power: the power with that many cases, with the 95 % interval of its simulation.
        difference: the mean difference to be found.
        sd: standard deviation of the paired differences.
        test: the test.
        simulations: how many studies were simulated for each number of cases.
        reason: why there is no n; else empty.
    """

    n: int
    power: float
    power_low: float
    power_high: float
    difference: float
    sd: float
    test: Test
    simulations: int
    reason: str = ""


def paired_power(
    spread: ArrayLike, difference: float, n: int, *, test: Test = "wilcoxon", simulations: int = 2000, seed: int = 0
) -> Estimate:
    """Simulate how often a paired test with n cases finds a difference (p < .05, two-sided).

    Args:
        spread: paired differences of an earlier study, whose deviations from their mean are drawn anew; or one number,
            the standard deviation of normal differences.
        difference: the mean difference to be found; 0 gives the test's size.
        n: cases, two or more.
        test: ``wilcoxon`` or ``t``.
        simulations: how many studies to simulate.
        seed: of the random numbers; the same seed gives the same result.

    Returns:
        The share of studies that find it, with the interval of the simulation.

    Raises:
        UsageError: fewer than two cases, or a spread without any.
    """
    if n < 2:
        msg = f"a paired test needs two cases or more, got {n}"
        raise UsageError(msg)
    drawn = _draw(_deviations(spread), (simulations, n), np.random.default_rng(seed)) + difference
    return wilson(int((_p_values(drawn, test) < ALPHA).sum()), simulations)


def _deviations(spread: ArrayLike) -> Numbers:
    values = np.asarray(spread, dtype=np.float64)
    values = values[~np.isnan(values)]
    deviations = values if values.size == 1 else values - values.mean() if values.size else values
    if not deviations.any() or not np.isfinite(deviations).all():
        msg = f"expected a standard deviation, or paired differences that are not all equal, got {values[:5]}"
        raise UsageError(msg)
    return deviations


def _draw(deviations: Numbers, shape: tuple[int, int], rng: np.random.Generator) -> Numbers:
    if deviations.size == 1:
        return rng.normal(0, float(np.abs(deviations[0])), shape)
    # Resampling shrinks the variance by (m - 1) / m.
    return rng.choice(deviations, shape) * math.sqrt(deviations.size / (deviations.size - 1))


def _p_values(samples: Numbers, test: Test) -> Numbers:
    if test == "wilcoxon":
        from scipy.stats import wilcoxon  # takes a second

        return np.asarray(wilcoxon(samples, axis=1).pvalue)
    n = samples.shape[1]
    error = samples.std(axis=1, ddof=1) / math.sqrt(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(2 * stdtr(n - 1, -np.abs(samples.mean(axis=1) / error)))


def cases_needed(
    spread: ArrayLike,
    difference: float,
    *,
    power: float = 0.8,
    test: Test = "wilcoxon",
    simulations: int = 2000,
    seed: int = 0,
    limit: int = 2000,
) -> SampleSize:
    """Find how many cases a paired comparison of two raters needs to find a difference (p < .05, two-sided).

    Args:
        spread: as in ``paired_power``: the paired differences at hand, or their standard deviation.
        difference: the mean difference that matters, not 0, e.g. 0.02 in Dice.
        power: how often it should be found, between 0 and 1.
        test: ``wilcoxon`` or ``t``.
        simulations: how many studies to simulate for each number of cases.
        seed: of the random numbers.
        limit: the largest number of cases to try.

    Raises:
        UsageError: a difference of 0, a power that is no share, or a spread without any.

    Example:
        >>> cases_needed(0.04, 0.02, test="t").n  # a Dice difference of .02 where differences spread by .04
        35
    """
    if difference == 0 or not 0 < power < 1:
        msg = f"expected a difference other than 0 and a power between 0 and 1, got {difference} and {power}"
        raise UsageError(msg)

    def found(n: int) -> Estimate:
        return paired_power(spread, difference, n, test=test, simulations=simulations, seed=seed)

    deviations = _deviations(spread)
    sd = float(abs(deviations[0]) if deviations.size == 1 else deviations.std(ddof=1))
    low, high = 2, 4
    while high < limit and found(high).value < power:
        low, high = high, 2 * high
    high = min(high, limit)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle).value >= power else (middle, high)
    reached = found(high)
    enough = reached.value >= power
    return SampleSize(
        n=high if enough else 0,
        power=reached.value,
        power_low=reached.low,
        power_high=reached.high,
        difference=difference,
        sd=sd,
        test=test,
        simulations=simulations,
        reason="" if enough else f"{limit} cases do not reach a power of {power}",
    )
