"""Agreement of measured with reference volumes: correlation, concordance, errors, and the regression line."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ctbench.statistics.estimate import ALPHA, Estimate, Z
from ctbench.statistics.missing import Numbers, complete_pairs

__all__ = ["VolumeAgreement", "volume_agreement"]

_Fields = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeAgreement:
    """Agreement of measured volumes with reference volumes; NaN where undefined.

    Attributes:
        n: Number of cases with both volumes.
        left_out: Number of cases left out because a volume is NaN.
        pearson_r: Pearson correlation, with its 95 % interval by Fisher's z transform.
        spearman_r: Spearman rank correlation.
        concordance: Lin's concordance correlation coefficient, with its 95 % interval.
        rmse: Root mean squared difference, mL.
        mae: Mean absolute difference, mL.
        mean_difference: Mean of measured minus reference, mL.
        sd_difference: Standard deviation (n - 1) of the differences, mL.
        mean_relative_difference: Mean of (measured - reference) / reference, %, over cases with a reference volume.
        overestimation: Mean relative difference of the cases measured too large, %; NaN if there are none.
        underestimation: Mean relative difference of the cases measured too small, %, negative; NaN if there are none.
        n_relative: Number of cases whose reference volume is not 0.
        share_within: Share (0 to 1) of cases whose absolute difference is at most ``limit_ml``.
        limit_ml: That limit, mL.
        slope: Slope of the least-squares line measured = intercept + slope x reference.
        intercept: Intercept of that line, mL.
        reason: Why a number is NaN; else empty.
    """

    n: int
    left_out: int
    pearson_r: float = math.nan
    pearson_r_low: float = math.nan
    pearson_r_high: float = math.nan
    spearman_r: float = math.nan
    concordance: float = math.nan
    concordance_low: float = math.nan
    concordance_high: float = math.nan
    rmse: float = math.nan
    mae: float = math.nan
    mean_difference: float = math.nan
    sd_difference: float = math.nan
    mean_relative_difference: float = math.nan
    overestimation: float = math.nan
    underestimation: float = math.nan
    n_relative: int = 0
    share_within: float = math.nan
    limit_ml: float
    slope: float = math.nan
    intercept: float = math.nan
    reason: str = ""


def volume_agreement(reference_ml: ArrayLike, measured_ml: ArrayLike, *, limit_ml: float = 5.0) -> VolumeAgreement:
    """Return the agreement of measured volumes with reference volumes.

    Lin's coefficient and the variance of its z transform: Biometrics 1989;45:255-268, with the correction of
    2000;56:324-325.

    Args:
        reference_ml: The reference volume of each case, mL. Cases with a NaN are left out.
        measured_ml: The measured volume of each case, in the same order, mL.
        limit_ml: The largest absolute difference that counts in ``share_within``, mL. Default 5.

    Raises:
        UsageError: The lengths differ, or a volume is infinite.
    """
    reference, measured, left_out = complete_pairs(reference_ml, measured_ml)
    n, difference = len(reference), measured - reference
    if n == 0:
        return VolumeAgreement(n=0, left_out=left_out, limit_ml=limit_ml, reason="no case has both volumes")
    return VolumeAgreement(
        n=n,
        left_out=left_out,
        rmse=float(np.sqrt(np.mean(difference**2))),
        mae=float(np.abs(difference).mean()),
        mean_difference=float(difference.mean()),
        sd_difference=float(difference.std(ddof=1)) if n > 1 else math.nan,
        share_within=float((np.round(np.abs(difference), 9) <= limit_ml).mean()),
        limit_ml=limit_ml,
        n_relative=int((reference != 0).sum()),
        reason=_reason(reference, measured),
        **_relative(reference, difference),
        **_correlations(reference, measured),
    )


def _reason(reference: Numbers, measured: Numbers) -> str:
    if len(reference) < 2:
        return "one case: no correlation"
    constant = [name for name, values in (("reference", reference), ("measured", measured)) if np.ptp(values) == 0]
    if constant:
        return f"the {' and '.join(constant)} volumes are all equal: no correlation"
    return "" if len(reference) > 3 else "fewer than four cases: no interval"


def _relative(reference: Numbers, difference: Numbers) -> _Fields:
    counted = reference != 0
    percent = 100 * difference[counted] / reference[counted]

    def mean(values: Numbers) -> float:
        return float(values.mean()) if values.size else math.nan

    return {
        "mean_relative_difference": mean(percent),
        "overestimation": mean(percent[percent > 0]),
        "underestimation": mean(percent[percent < 0]),
    }


def _correlations(x: Numbers, y: Numbers) -> _Fields:
    if len(x) < 2 or np.ptp(x) == 0:
        return {}
    slope = float(np.cov(x, y)[0, 1] / x.var(ddof=1))
    line = {"slope": slope, "intercept": float(y.mean() - slope * x.mean())}
    if np.ptp(y) == 0:
        return line
    from scipy.stats import NearConstantInputWarning, pearsonr, spearmanr  # takes a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NearConstantInputWarning)  # r is then 0 but for round-off
        pearson = pearsonr(x, y)
    r = float(pearson.statistic)
    low, high = pearson.confidence_interval(1 - ALPHA) if len(x) > 3 else (math.nan, math.nan)
    lin = _concordance(x, y, r)
    return line | {
        "pearson_r": r,
        "pearson_r_low": float(low),
        "pearson_r_high": float(high),
        "spearman_r": float(spearmanr(x, y).statistic),
        "concordance": lin.value,
        "concordance_low": lin.low,
        "concordance_high": lin.high,
    }


def _z_interval(r: float, standard_error: float) -> Estimate:
    if abs(r) >= 1:
        return Estimate(r, r, r) if math.isfinite(standard_error) else Estimate(r)
    z = math.atanh(r)
    return Estimate(r, math.tanh(z - Z * standard_error), math.tanh(z + Z * standard_error))


def _concordance(x: Numbers, y: Numbers, r: float) -> Estimate:
    spreads = x.std() * y.std()
    c = min(max(2 * r * spreads / (x.var() + y.var() + (x.mean() - y.mean()) ** 2), -1.0), 1.0)  # round-off exceeds 1
    n, square = len(x), 1 - c**2
    if n < 4 or r == 0 or square <= 0:
        return _z_interval(float(c), 0.0 if n > 3 and square <= 0 else math.nan)
    shift = (x.mean() - y.mean()) ** 2 / spreads
    variance = (
        (1 - r**2) * c**2 / (square * r**2)
        + 2 * c**3 * (1 - c) * shift / (r * square**2)
        - c**4 * shift**2 / (2 * r**2 * square**2)
    ) / (n - 2)
    return _z_interval(float(c), math.sqrt(max(variance, 0.0)))
