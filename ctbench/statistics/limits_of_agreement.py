"""Bland-Altman analysis: bias and 95 % limits of agreement, for two and for several readers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri

from ctbench.statistics.estimate import ALPHA, Estimate, Z, t_half_width, t_p_value
from ctbench.statistics.missing import Numbers, complete_cases, complete_pairs

__all__ = ["BlandAltman", "bland_altman", "limits_with_mean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlandAltman:
    """Bias and 95 % limits of agreement, in the unit of the measurements; NaN where undefined.

    Attributes:
        n: Number of pairs with both values.
        left_out: Number of pairs left out because a value is NaN.
        bias: Mean of measured minus reference, with its 95 % interval.
        sd: Standard deviation (n - 1) of the differences.
        lower: bias - 1.96 sd, with its 95 % interval.
        upper: bias + 1.96 sd, with its 95 % interval.
        slope: Slope of the regression of the differences on the means of the pairs (proportional bias).
        slope_p: P value of the test that this slope is 0.
        reason: Why a number is NaN; else empty.
    """

    n: int
    left_out: int
    bias: float = math.nan
    bias_low: float = math.nan
    bias_high: float = math.nan
    sd: float = math.nan
    lower: float = math.nan
    lower_low: float = math.nan
    lower_high: float = math.nan
    upper: float = math.nan
    upper_low: float = math.nan
    upper_high: float = math.nan
    slope: float = math.nan
    slope_p: float = math.nan
    reason: str = ""


def bland_altman(reference_ml: ArrayLike, measured_ml: ArrayLike) -> BlandAltman:
    """Return the bias of a measurement and its 95 % limits of agreement with a reference.

    Bland and Altman, Lancet 1986;i:307-310. The standard error of a limit is sd sqrt(1 / n + 1.96^2 / (2 (n - 1))), as
    in their Statistical Methods in Medical Research 1999;8:135-160; intervals use t with n - 1 degrees of freedom.

    Args:
        reference_ml: The reference value of each case, mL (or any other unit). Cases with a NaN are left out.
        measured_ml: The measured value of each case, in the same order and unit.

    Raises:
        UsageError: The lengths differ, or a value is infinite.

    Example:
        >>> limits = bland_altman([10.0, 20.0, 30.0], [9.0, 21.0, 27.0])
        >>> limits.bias, round(limits.lower, 2), round(limits.upper, 2)
        (-1.0, -4.92, 2.92)
    """
    reference, measured, left_out = complete_pairs(reference_ml, measured_ml)
    n, difference = len(reference), measured - reference
    if n < 2:
        reason = f"{n} case{'s' * (n != 1)} with both values: no spread"
        bias = float(difference[0]) if n else math.nan
        return BlandAltman(n=n, left_out=left_out, bias=bias, reason=reason)
    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    half = t_half_width(sd / math.sqrt(n), n - 1)
    limit_half = t_half_width(sd * math.sqrt(1 / n + Z**2 / (2 * (n - 1))), n - 1)
    lower, upper = bias - Z * sd, bias + Z * sd
    slope, slope_p, reason = _proportional_bias((reference + measured) / 2, difference)
    return BlandAltman(
        n=n,
        left_out=left_out,
        bias=bias,
        bias_low=bias - half,
        bias_high=bias + half,
        sd=sd,
        lower=lower,
        lower_low=lower - limit_half,
        lower_high=lower + limit_half,
        upper=upper,
        upper_low=upper - limit_half,
        upper_high=upper + limit_half,
        slope=slope,
        slope_p=slope_p,
        reason=reason,
    )


def _proportional_bias(mean: Numbers, difference: Numbers) -> tuple[float, float, str]:
    """Return the slope of the differences on the means, its p, and why one of them is NaN."""
    degrees = len(mean) - 2
    if np.ptp(mean) == 0:
        return math.nan, math.nan, "all pairs have the same mean: no slope of the proportional bias"
    squares = float(((mean - mean.mean()) ** 2).sum())
    slope = float((mean - mean.mean()) @ difference) / squares
    residuals = difference - difference.mean() - slope * (mean - mean.mean())
    if degrees < 1 or np.ptp(difference) == 0:
        return slope, math.nan, "too few cases, or all differences equal: no test of proportional bias"
    p = t_p_value(slope, math.sqrt(float(residuals @ residuals) / degrees / squares), degrees)
    return slope, p, ""


def limits_with_mean(ratings: ArrayLike) -> Estimate:
    """Return the 95 % limits of agreement with the mean: how far one of several readers lies from the mean of all.

    The Bland-Altman limits for more than two readers of Jones, Dobson and O'Brian (International Journal of
    Epidemiology 2011;40:1308-1313), as estimated, with an interval, by Christensen et al. (BMC Medical Research
    Methodology 2020;20:304): +- 1.96 sqrt((squares between readers + residual squares) / N), with the modified
    large-sample interval of Graybill and Wang. Readers are a random sample, so that their biases count.

    Args:
        ratings: Array cases x readers. Cases with a NaN are left out and counted.

    Returns:
        The half-width of the limits, in the unit of the ratings, over ``n`` cases.

    Raises:
        UsageError: The array has fewer than two readers or is not two-dimensional, or a rating is infinite.
    """
    table, left_out = complete_cases(ratings)
    cases, readers = table.shape
    if cases < 2:
        return Estimate(math.nan, n=cases, left_out=left_out, reason="fewer than two complete cases")
    biases = table.mean(axis=0) - table.mean()
    residuals = table - table.mean(axis=1, keepdims=True) - biases
    squares = np.array([cases * float(biases @ biases), float((residuals**2).sum())])
    degrees = np.array([readers - 1, (readers - 1) * (cases - 1)])
    below = 1 - degrees / chdtri(degrees, ALPHA / 2)
    above = degrees / chdtri(degrees, 1 - ALPHA / 2) - 1
    total, less, more = squares.sum(), np.hypot(*(below * squares)), np.hypot(*(above * squares))
    value, low, high = (Z * math.sqrt(part / table.size) for part in (total, total - less, total + more))
    return Estimate(value, low, high, n=cases, left_out=left_out)
