"""A number with its interval, and the t distribution behind most of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri, stdtr, stdtrit

__all__ = ["ALPHA", "Estimate", "Z", "t_half_width", "t_p_value", "t_quantile"]

ALPHA = 0.05
"""Below this a p value earns the papers' asterisk; intervals cover 1 - ALPHA."""

Z = float(ndtri(1 - ALPHA / 2))
"""Half of a 95 % interval of a normal variable, in standard deviations: 1.96."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its 95 % interval; NaN where it cannot be had. ``float(estimate)`` is the value.

    Attributes:
        value: the estimate.
        low: lower end of its interval.
        high: upper end.
        n: how many units (cases, voxels) it rests on.
        left_out: how many were left out for want of a value.
        reason: why something is NaN; else empty.
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
    """Quantile of Student's t; NaN where ``degrees`` of freedom are not positive."""
    return float(stdtrit(degrees, share)) if degrees > 0 else math.nan


def t_half_width(standard_error: float, degrees: float) -> float:
    """Half of the 95 % t interval; NaN where ``degrees`` of freedom are not positive."""
    return t_quantile(1 - ALPHA / 2, degrees) * standard_error


def t_p_value(value: float, standard_error: float, degrees: float) -> float:
    """Two-sided p of ``value / standard_error``; NaN where there is no error to compare with."""
    if not (degrees > 0 and standard_error > 0):
        return math.nan
    return float(2 * stdtr(degrees, -abs(value / standard_error)))
