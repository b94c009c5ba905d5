"""An estimate with its 95 % confidence interval, the level of significance, and quantiles of Student's t."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri, stdtr, stdtrit

__all__ = ["ALPHA", "Estimate", "Z", "t_half_width", "t_p_value", "t_quantile"]

ALPHA = 0.05
"""Level of significance: p below it has the papers' asterisk; confidence intervals cover 1 - ALPHA."""

Z = float(ndtri(1 - ALPHA / 2))
"""Half-width of a 95 % interval of a normal variable, in standard deviations: 1.96."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its 95 % confidence interval; NaN where undefined. ``float(estimate)`` is the value.

    Attributes:
        value: The estimate.
        low: Lower end of its interval.
        high: Upper end of its interval.
        n: Number of units (cases, voxels) that it is computed from.
        left_out: Number of units left out because a value is missing.
        reason: Why the value or its interval is NaN; else empty.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    left_out: int = 0
    reason: str = ""

    def __float__(self) -> float:
        return self.value


def t_quantile(share: float, degrees: float) -> float:
    """Return the quantile of Student's t at probability ``share``; NaN unless ``degrees`` of freedom are positive."""
    return float(stdtrit(degrees, share)) if degrees > 0 else math.nan


def t_half_width(standard_error: float, degrees: float) -> float:
    """Return the half-width of the 95 % t interval; NaN unless ``degrees`` of freedom are positive."""
    return t_quantile(1 - ALPHA / 2, degrees) * standard_error


def t_p_value(value: float, standard_error: float, degrees: float) -> float:
    """Return the two-sided p of t = ``value / standard_error``; NaN unless error and ``degrees`` are positive."""
    if not (degrees > 0 and standard_error > 0):
        return math.nan
    return float(2 * stdtr(degrees, -abs(value / standard_error)))
