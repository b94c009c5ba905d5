"""Discrimination of probability forecasts: AUROC, and average precision by steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.statistics.forecasts.table import Outcomes

__all__ = ["auroc", "average_precision"]

Numbers = NDArray[np.float64]


def auroc(outcomes: Outcomes) -> Numbers:
    """Return the probability that a positive voxel has a higher forecast than a negative one; a tie counts half.

    Against the mean of readers, a voxel counts as positive with the share of readers who drew it and as negative with
    the rest: each reading of a voxel is one observation. NaN without a positive or a negative.
    """
    positive = outcomes.positives
    negative = outcomes.voxels - positive
    below = np.cumsum(negative, axis=-1) - negative / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((positive * below).sum(axis=-1) / (positive.sum(axis=-1) * negative.sum(axis=-1)))


def average_precision(outcomes: Outcomes) -> Numbers:
    """Return the sum of precision x step of recall, from the highest forecast down; equal forecasts are one step.

    Readers' mean as in ``auroc``. NaN without a positive. The trapezoid rule would interpolate precision linearly,
    which is too optimistic (Davis and Goadrich, ICML 2006).
    """
    positive, voxels = outcomes.positives[..., ::-1], outcomes.voxels[..., ::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.cumsum(positive, axis=-1) / np.cumsum(voxels, axis=-1)
        found = np.where(positive > 0, precision, 0.0) * positive
        return np.asarray(found.sum(axis=-1) / positive.sum(axis=-1))
