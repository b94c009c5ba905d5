"""Intraclass correlation (ICC): the reliability of readers, in the six forms of Shrout and Fleiss."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtri

from ctbench.errors import UsageError
from ctbench.statistics.estimate import ALPHA, Estimate
from ctbench.statistics.missing import Numbers, complete_cases

__all__ = ["Form", "icc"]

Form = Literal["1,1", "2,1", "3,1", "1,k", "2,k", "3,k"]

_FORMS = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")


def icc(ratings: ArrayLike, form: Form = "2,1") -> Estimate:
    """Return an intraclass correlation coefficient with its 95 % interval.

    The first number of the form is the design; the second is 1 for the reliability of one reader, k for that of the
    mean of all k readers.

    - ``1,1``, ``1,k``: one-way random effects. Each case has other readers, or it is not known who read it.
    - ``2,1``, ``2,k``: two-way random effects, absolute agreement. The same readers, a random sample, read all cases.
    - ``3,1``, ``3,k``: two-way mixed effects, consistency. The same readers, the only ones of interest, read all cases;
      a constant bias of a reader does not count.

    Forms after Shrout and Fleiss, Psychological Bulletin 1979;86:420-428; intervals after McGraw and Wong,
    Psychological Methods 1996;1:30-46, Table 7. In simulated studies of 30 cases and four readers they cover in 95 %
    (``benchmarks/calibration.py``).

    Args:
        ratings: Array cases x readers. Cases with a NaN are left out and counted.
        form: One of the six forms above. Default ``2,1``.

    Returns:
        The estimate over ``n`` cases. NaN with a reason if there are fewer than two cases, all ratings are equal, or
        the cases do not differ on average; the interval is NaN with a reason if the ratings vary too little.

    Raises:
        UsageError: The form is unknown, the array has fewer than two readers or is not two-dimensional, or a rating is
            infinite.

    Example:
        >>> volumes_ml = [[12.0, 12.4], [30.1, 31.0], [5.2, 5.0], [18.3, 19.1]]
        >>> round(icc(volumes_ml).value, 3)
        0.998
    """
    if form not in _FORMS:
        msg = f"unknown form {form!r} of the intraclass correlation; expected one of {', '.join(_FORMS)}"
        raise UsageError(msg)
    complete, left_out = complete_cases(ratings)
    n, k = complete.shape
    if n < 2 or np.ptp(complete) == 0:
        reason = "fewer than two complete cases" if n < 2 else "all ratings are equal"
        return Estimate(math.nan, n=n, left_out=left_out, reason=reason)
    with np.errstate(divide="ignore", invalid="ignore"):
        single = {"1": _one_way, "2": _two_way_agreement, "3": _two_way_consistency}[form[0]](complete)
        value, low, high = map(float, single if form.endswith("1") else _stepped_up(np.array(single), k))
    if not math.isfinite(value):
        reason = "the cases do not differ on average: the coefficient has no finite value"
        return Estimate(math.nan, n=n, left_out=left_out, reason=reason)
    reason = ""
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high, reason = math.nan, math.nan, "too little variation for an interval"
    return Estimate(value, low, high, n=n, left_out=left_out, reason=reason)


def _mean_squares(table: Numbers) -> tuple[np.float64, np.float64, np.float64, np.float64]:
    """Return the mean squares between cases, between readers, of the residual, and within cases."""
    n, k = table.shape
    cases, readers = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    residual = table - cases - readers + table.mean()
    between = k * np.sum((cases - table.mean()) ** 2) / (n - 1)
    return (
        between,
        n * np.sum((readers - table.mean()) ** 2) / (k - 1),
        np.sum(residual**2) / ((n - 1) * (k - 1)),
        np.sum((table - cases) ** 2) / (n * (k - 1)),
    )


def _one_way(table: Numbers) -> tuple[np.float64, ...]:
    between, _, _, within = _mean_squares(table)
    n, k = table.shape
    return _from_ratio(between / within, k, n - 1, n * (k - 1))


def _two_way_consistency(table: Numbers) -> tuple[np.float64, ...]:
    between, _, residual, _ = _mean_squares(table)
    n, k = table.shape
    return _from_ratio(between / residual, k, n - 1, (n - 1) * (k - 1))


def _from_ratio(ratio: np.float64, k: int, above: int, below: int) -> tuple[np.float64, ...]:
    """Return the coefficient of an F ratio, and those of the ends of the ratio's interval."""
    ends = (ratio, ratio / _f(above, below), ratio * _f(below, above))
    return tuple(np.float64(1) if np.isinf(end) else (end - 1) / (end + k - 1) for end in ends)


def _two_way_agreement(table: Numbers) -> tuple[np.float64, ...]:
    between, readers, residual, _ = _mean_squares(table)
    n, k = table.shape
    value = (between - residual) / (between + (k - 1) * residual + k * (readers - residual) / n)
    # Satterthwaite's degrees of freedom of the denominator.
    one, other = k * value * readers / residual, n * (1 + (k - 1) * value) - k * value
    degrees = (k - 1) * (n - 1) * (one + other) ** 2 / ((n - 1) * one**2 + other**2)
    below, above = _f(n - 1, degrees), _f(degrees, n - 1)
    noise = k * readers + (k * n - k - n) * residual
    return (
        value,
        n * (between - below * residual) / (below * noise + n * between),
        n * (above * between - residual) / (noise + n * above * between),
    )


def _f(above: float, below: float) -> np.float64:
    return np.float64(fdtri(above, below, 1 - ALPHA / 2))


def _stepped_up(single: Numbers, k: int) -> Numbers:
    """Return the reliability of the mean of k readers from that of one reader (Spearman-Brown formula)."""
    return np.asarray(k * single / (1 + (k - 1) * single))
