"""Calibration of probability forecasts: reliability diagram, ECE, ACE, MCE and KS error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.statistics.forecasts.table import Outcomes

__all__ = ["BINS", "Reliability", "calibration_error", "ks_error", "reliability_diagram"]

BINS = 20
"""Default number of bins."""

Numbers = NDArray[np.float64]


class Reliability(NamedTuple):
    """A reliability diagram: one value for each bin, NaN where the bin is empty; leading axes as in ``Outcomes``.

    Attributes:
        voxels: Number of voxels.
        forecast: Mean forecast.
        observed: Mean outcome.
    """

    voxels: Numbers
    forecast: Numbers
    observed: Numbers


def reliability_diagram(outcomes: Outcomes, bins: int = BINS, *, equal_counts: bool = False) -> Reliability:
    """Return the mean forecast and the mean outcome in each bin.

    Args:
        outcomes: Forecasts and outcomes.
        bins: Number of bins. A bin of equal width holds its upper edge, not its lower one, but the first holds 0.
        equal_counts: Whether bins hold about equal numbers of voxels instead; equal forecasts are never parted.

    Raises:
        UsageError: ``bins`` is not positive, or bins of equal counts are used with several samples at once.
    """
    if bins < 1:
        msg = f"expected one bin or more, got {bins}"
        raise UsageError(msg)
    voxels, positives = outcomes.voxels, outcomes.positives
    if equal_counts:
        if voxels.ndim > 1:
            msg = "bins of equal counts differ between samples; compute one sample at a time"
            raise UsageError(msg)
        middle = np.cumsum(voxels) - voxels / 2
        of_level = np.minimum((middle * bins / max(float(voxels.sum()), 1)).astype(np.intp), bins - 1)
    else:
        of_level = np.searchsorted(np.arange(1, bins) / bins, outcomes.forecasts, side="left")
    member = (of_level[:, None] == np.arange(bins)).astype(np.float64)
    count = voxels @ member
    with np.errstate(invalid="ignore", divide="ignore"):
        return Reliability(count, (voxels * outcomes.forecasts) @ member / count, positives @ member / count)


def calibration_error(
    outcomes: Outcomes, norm: str = "expected", bins: int = BINS, *, equal_counts: bool = False
) -> Numbers:
    """Return a binned calibration error: of |mean forecast - mean outcome| in each bin, a mean or the maximum.

    Args:
        outcomes: Forecasts and outcomes.
        norm: ``expected`` (ECE, the mean weighted by voxels; Naeini et al., AAAI 2015), ``average`` (ACE, the mean over
            bins that are not empty; Neumann et al. 2018) or ``maximum`` (MCE).
        bins: Number of bins.
        equal_counts: As in ``reliability_diagram``.

    Returns:
        One value per sample; NaN without any voxel.

    Raises:
        UsageError: The norm is unknown, or as for ``reliability_diagram``.
    """
    diagram = reliability_diagram(outcomes, bins, equal_counts=equal_counts)
    filled = diagram.voxels > 0
    gap = np.where(filled, np.abs(diagram.forecast - diagram.observed), 0.0)
    if norm == "expected":
        value = (gap * diagram.voxels).sum(axis=-1) / _positive(outcomes.total)
    elif norm == "average":
        value = gap.sum(axis=-1) / _positive(filled.sum(axis=-1))
    elif norm == "maximum":
        value = np.where(filled.any(axis=-1), gap.max(axis=-1), np.nan)
    else:
        msg = f"unknown norm {norm!r}; expected expected, average or maximum"
        raise UsageError(msg)
    return np.asarray(value)


def ks_error(outcomes: Outcomes) -> Numbers:
    """Return the Kolmogorov-Smirnov calibration error, which needs no bins.

    The largest |sum of (outcome - forecast)| over all voxels with a forecast up to p, divided by the number of voxels
    (Gupta et al., ICLR 2021). NaN without any voxel.
    """
    excess = np.cumsum(outcomes.positives - outcomes.voxels * outcomes.forecasts, axis=-1)
    return np.asarray(np.abs(excess).max(axis=-1, initial=0) / _positive(outcomes.total))


def _positive(count: NDArray[np.generic]) -> Numbers:
    """Return counts as floats, NaN instead of 0, so that a division by them has no value."""
    values = np.asarray(count, np.float64)
    return np.where(values > 0, values, np.nan)
