"""Power and sample size of paired tests, by simulation; sample size for an interval of a given width."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from ctbench.errors import UsageError
from ctbench.statistics.estimate import ALPHA, Estimate, t_half_width
from ctbench.statistics.missing import Numbers
from ctbench.statistics.paired import Test
from ctbench.statistics.proportion import wilson

__all__ = ["SampleSize", "cases_for_width", "cases_needed", "paired_power", "smallest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """Sample size of a paired comparison.

    Attributes:
        n: The smallest number of cases found to reach the wanted power; 0 if even the largest number tried does not.
        power: The power with that many cases, 0 to 1, with the 95 % interval of the simulation.
        difference: The mean difference to detect, in the unit of the metric.
        sd: Standard deviation of the paired differences, in the same unit.
        test: The test: ``wilcoxon`` or ``t``.
        simulations: Number of simulated studies per number of cases.
        reason: Why ``n`` is 0; else empty.
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
    """Return the power of a paired test: how often it finds a difference (p < .05, two-sided) in simulated studies.

    Args:
        spread: The paired differences of an earlier study, whose deviations from their mean are resampled; or one
            number, the standard deviation of normally distributed differences.
        difference: The mean difference to detect, in the same unit; 0 returns the size of the test.
        n: Number of cases, at least 2.
        test: ``wilcoxon`` (default) or ``t``.
        simulations: Number of studies to simulate. Default 2000.
        seed: Seed of the random numbers; equal seeds return equal results.

    Returns:
        The proportion of studies with p < .05, with the 95 % interval of the simulation.

    Raises:
        UsageError: There are fewer than two cases, or the differences do not vary.
    """
    if n < 2:
        msg = f"expected at least 2 cases for a paired test, got {n}"
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


def _sd(deviations: Numbers) -> float:
    return float(abs(deviations[0]) if deviations.size == 1 else deviations.std(ddof=1))


def _draw(deviations: Numbers, shape: tuple[int, int], rng: np.random.Generator) -> Numbers:
    if deviations.size == 1:
        return rng.normal(0, float(np.abs(deviations[0])), shape)
    # Resampling m deviations shrinks their variance by (m - 1) / m.
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
    """Return the sample size with which a paired test finds a difference (p < .05, two-sided) with a given power.

    Args:
        spread: The paired differences of an earlier study, or one number, their standard deviation.
        difference: The mean difference to detect, in the same unit, not 0; e.g. 0.02 in Dice.
        power: The wanted power, between 0 and 1. Default 0.8.
        test: ``wilcoxon`` (default) or ``t``.
        simulations: Number of studies to simulate per number of cases. Default 2000.
        seed: Seed of the random numbers; equal seeds return equal results.
        limit: The largest number of cases to try. Default 2000.

    Raises:
        UsageError: The difference is 0, the power is not between 0 and 1, or the differences do not vary.

    Example:
        >>> cases_needed(0.04, 0.02, test="t").n  # to detect .02 in Dice if differences have an SD of .04
        35
    """
    if difference == 0 or not 0 < power < 1:
        msg = f"expected a difference other than 0 and a power between 0 and 1, got {difference} and {power}"
        raise UsageError(msg)

    def found(n: int) -> Estimate:
        return paired_power(spread, difference, n, test=test, simulations=simulations, seed=seed)

    deviations = _deviations(spread)
    sd = _sd(deviations)
    low, high = 2, 4
    while high < limit and found(high).value < power:
        low, high = high, 2 * high
    high = smallest(lambda n: found(n).value >= power, low, min(high, limit))
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


def cases_for_width(spread: ArrayLike, half_width: float, *, limit: int = 100_000) -> int:
    """Return the number of cases with which the 95 % t interval of a mean is expected to be narrow enough.

    For the mean of a score, or the mean paired difference of two raters, readings or conditions over cases.

    Args:
        spread: The values, or paired differences, of an earlier study; or one number, their standard deviation.
        half_width: Half the width of the interval, in the same unit, above 0.
        limit: The largest number of cases to try. Default 100,000.

    Raises:
        UsageError: The half-width is not positive, the values do not vary, or ``limit`` cases are not enough.

    Example:
        >>> cases_for_width(0.04, 0.02)  # a Dice to within .02 if differences have an SD of .04
        18
    """
    deviations = _deviations(spread)
    sd = _sd(deviations)

    def narrow(n: int) -> bool:
        return t_half_width(sd / math.sqrt(n), n - 1) <= half_width

    if not half_width > 0 or not narrow(limit):
        msg = f"expected a half-width above 0 that {limit} cases reach, got {half_width} for an SD of {sd:g}"
        raise UsageError(msg)
    return smallest(narrow, 1, limit)


def smallest(enough: Callable[[int], bool], low: int, high: int) -> int:
    """Return the smallest number above ``low`` that is enough, by bisection; ``high`` if no smaller one is.

    Args:
        enough: Whether a number is enough; where it is, so is every larger one.
        low: The largest number that is known, or supposed, not to be enough.
        high: The largest number to return.

    Example:
        >>> smallest(lambda n: n * n >= 50, 1, 100)
        8
    """
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
