"""Proper scoring rules of probability forecasts: Brier score with Murphy's parts, and negative log-likelihood."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.probability_codes import CODES
from ctbench.statistics.forecasts.table import Outcomes

__all__ = ["CLIP", "Brier", "brier", "negative_log_likelihood"]

CLIP = 0.5 / (CODES - 1)
"""Half a stored code: for the logarithm, forecasts of 0 and 1 count as this far from 0 and 1."""

Numbers = NDArray[np.float64]


class Brier(NamedTuple):
    """A Brier score and its parts: score = reliability - resolution + uncertainty; NaN without any voxel.

    Attributes:
        score: Mean of (forecast - outcome)^2.
        reliability: Mean of (forecast - mean outcome at this forecast)^2; 0 is perfectly calibrated.
        resolution: Mean of (mean outcome at this forecast - mean outcome)^2; more is better.
        uncertainty: Variance of the outcome, which no forecast changes.
    """

    score: Numbers
    reliability: Numbers
    resolution: Numbers
    uncertainty: Numbers


def brier(outcomes: Outcomes) -> Brier:
    """Return the Brier score of one class and its parts by Murphy (J Appl Meteorol 1973;12:595-600).

    The parts are taken at the distinct forecasts, without bins. Against the mean of several readers, variance of the
    share at one forecast counts as uncertainty, so that score = reliability - resolution + uncertainty.
    """
    p, n, s = outcomes.forecasts, outcomes.voxels, outcomes.positives
    squares = (outcomes.counts @ outcomes.observed**2).sum(axis=-1)
    total = outcomes.total
    with np.errstate(invalid="ignore", divide="ignore"):
        base = s.sum(axis=-1) / total
        at_forecast = np.where(n > 0, s / n, 0.0)
        score = (n * p**2 - 2 * s * p).sum(axis=-1) / total + squares / total
        reliability = (n * (p - at_forecast) ** 2).sum(axis=-1) / total
        resolution = (n * (at_forecast - base[..., None]) ** 2).sum(axis=-1) / total
        return Brier(score, reliability, resolution, squares / total - base**2)


def negative_log_likelihood(outcomes: Outcomes) -> Numbers:
    """Return the mean of -(y log p + (1 - y) log(1 - p)) in nats, p kept ``CLIP`` from 0 and 1; NaN without voxels."""
    p = np.clip(outcomes.forecasts, CLIP, 1 - CLIP)
    n, s = outcomes.voxels, outcomes.positives
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(-(s @ np.log(p) + (n - s) @ np.log1p(-p)) / outcomes.total)
