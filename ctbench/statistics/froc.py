"""FROC: sensitivity for lesions over false marks per case, of marks that have confidences.

Source: Bunch et al., A free-response approach to the measurement and characterization of radiographic-observer
performance, J Appl Photogr Eng 1978;4:166-171. The mean over seven rates is that of LUNA16 (Setio et al., Med Image
Anal 2017;42:1-13).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctbench.statistics.estimate import Estimate
from ctbench.statistics.missing import Numbers

__all__ = ["RATES", "Marks", "froc_curve", "froc_sensitivities"]

RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False marks per case at which the sensitivity is read off."""


@dataclass(frozen=True, eq=False)
class Marks:
    """Lesions and false marks of some cases.

    Args:
        lesions: For each lesion the highest confidence of a mark on it; minus infinity if there is none.
        lesion_patients: The patient of each lesion, as an integer from 0.
        false: The confidence of each false mark.
        false_patients: The patient of each false mark.
        case_patients: The patient of each case, with or without lesions and marks.
    """

    lesions: Numbers
    lesion_patients: NDArray[np.integer]
    false: Numbers
    false_patients: NDArray[np.integer]
    case_patients: NDArray[np.integer]


def froc_curve(marks: Marks) -> tuple[Numbers, Numbers]:
    """Return false marks per case and sensitivity at each distinct confidence, from the highest to the lowest.

    Equal confidences are one step. Sensitivities are NaN without a lesion.
    """
    hits, false = _cumulated(marks, np.ones(int(marks.case_patients.max(initial=-1)) + 1))
    lesions = len(marks.lesions) or math.nan
    return np.asarray(false / len(marks.case_patients)), np.asarray(hits / lesions)


def froc_sensitivities(
    marks: Marks, rates: tuple[float, ...] = RATES, *, resamples: int = 500, seed: int = 0
) -> list[Estimate]:
    """Return the sensitivity at each rate of false marks per case, then their mean, with intervals over patients.

    The sensitivity at a rate is that of the lowest threshold with at most so many false marks per case, over all cases:
    the curve is a staircase, nothing is interpolated, and 0 where even the highest threshold has more.

    Args:
        marks: Lesions and false marks.
        rates: False marks per case.
        resamples: Bootstrap samples of patients for the 95 % percentile intervals; 0: no intervals.
        seed: Seed of the bootstrap.

    Example:
        >>> lesions, false = np.array([0.9, 0.5, -np.inf]), np.array([0.7])
        >>> marks = Marks(lesions, np.array([0, 1, 1]), false, np.array([0]), np.arange(2))
        >>> [round(one.value, 3) for one in froc_sensitivities(marks, (0.25, 0.5), resamples=0)]
        [0.333, 0.667, 0.5]
    """
    patients = int(marks.case_patients.max(initial=-1)) + 1
    values = _sensitivities(marks, np.ones(patients), rates)
    spans = np.full((2, len(values)), math.nan)
    if resamples and patients > 1 and not np.isnan(values).any():
        drawn = np.random.default_rng(seed).multinomial(patients, np.full(patients, 1 / patients), resamples)
        several = np.array([_sensitivities(marks, weights.astype(float), rates) for weights in drawn])
        spans = np.nanpercentile(several[~np.isnan(several[:, 0])], [2.5, 97.5], axis=0)
    return [Estimate(float(value), float(low), float(high)) for value, low, high in zip(values, *spans, strict=True)]


def _sensitivities(marks: Marks, weights: Numbers, rates: tuple[float, ...]) -> Numbers:
    """Return the sensitivities and their mean where each patient counts so often."""
    lesions = weights[marks.lesion_patients].sum()
    if not lesions:
        return np.full(len(rates) + 1, math.nan)
    hits, false = _cumulated(marks, weights)
    kept = np.searchsorted(false, np.array(rates) * weights[marks.case_patients].sum() * (1 + 1e-12), side="right")
    found = np.append(0, hits)[kept] / lesions
    return np.append(found, found.mean())


def _cumulated(marks: Marks, weights: Numbers) -> tuple[Numbers, Numbers]:
    """Return how many lesions are hit, and how many marks are false, at each distinct confidence and above."""
    on_lesion = marks.lesions > -math.inf
    confidences = np.concatenate([marks.lesions[on_lesion], marks.false])
    order = np.argsort(-confidences, kind="stable")
    ends = np.flatnonzero(np.diff(confidences[order], append=-math.inf))
    hits = np.concatenate([weights[marks.lesion_patients[on_lesion]], np.zeros(len(marks.false))])
    false = np.concatenate([np.zeros(on_lesion.sum()), weights[marks.false_patients]])
    return np.cumsum(hits[order])[ends], np.cumsum(false[order])[ends]
