"""FROC: sensitivity for lesions over false marks per case, of marks that have confidences; their average precision.

Source: Bunch et al., A free-response approach to the measurement and characterization of radiographic-observer
performance, J Appl Photogr Eng 1978;4:166-171. The mean over seven rates is that of LUNA16 (Setio et al., Med Image
Anal 2017;42:1-13).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctbench.statistics.estimate import Estimate
from ctbench.statistics.missing import Numbers

__all__ = ["RATES", "Marks", "froc_curve", "froc_sensitivities", "lesion_average_precision"]

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
    hits, false = _Steps.of(marks).cumulated(_equal(marks))
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
    steps, allowed = _Steps.of(marks), np.array(rates) * (1 + 1e-12)

    def found(weights: Numbers) -> Numbers:
        hits, false = steps.cumulated(weights)
        kept = np.searchsorted(false, allowed * weights[marks.case_patients].sum(), side="right")
        shares = np.append(0, hits)[kept] / weights[marks.lesion_patients].sum()
        return np.append(shares, shares.mean())

    return _estimates(marks, found, len(rates) + 1, resamples, seed)


def lesion_average_precision(marks: Marks, *, resamples: int = 500, seed: int = 0) -> Estimate:
    """Return the average precision of marks on lesions, with its interval over patients.

    The sum over the distinct confidences, from the highest, of the precision of all marks from there on times the step
    in sensitivity for all lesions; lesions without a mark are never found, and a mark of confidence 0 is none. Source:
    Saha et al., Lancet Oncol 2024;25:879-887, as github.com/DIAGNijmegen/picai_eval computes it.

    Args:
        marks: Lesions and false marks.
        resamples: Bootstrap samples of patients for the 95 % percentile interval; 0: no interval.
        seed: Seed of the bootstrap.

    Example:
        >>> lesions, false = np.array([0.9, 0.5, -np.inf]), np.array([0.7])
        >>> marks = Marks(lesions, np.array([0, 1, 1]), false, np.array([0]), np.arange(2))
        >>> round(lesion_average_precision(marks, resamples=0).value, 3)
        0.556
    """
    steps = _Steps.of(marks)

    def found(weights: Numbers) -> Numbers:
        hits, false = steps.cumulated(weights)
        precision = np.divide(hits, hits + false, out=np.zeros(len(hits)), where=hits > 0)
        gains = np.diff(hits, prepend=0) * (steps.confidences > 0)
        return np.atleast_1d((precision * gains).sum() / weights[marks.lesion_patients].sum())

    return _estimates(marks, found, 1, resamples, seed)[0]


def _estimates(marks: Marks, found: Callable[[Numbers], Numbers], n: int, resamples: int, seed: int) -> list[Estimate]:
    """Return n figures with percentile intervals; without a lesion they are NaN.

    Args:
        marks: Lesions and false marks.
        found: Returns the figures where each patient counts so often.
        n: Number of figures.
        resamples: Number of bootstrap samples.
        seed: Seed of the bootstrap.
    """
    if not len(marks.lesions):
        return [Estimate(math.nan, math.nan, math.nan)] * n
    weights = _equal(marks)
    values, spans = found(weights), np.full((2, n), math.nan)
    patients = len(weights)
    if resamples and patients > 1:
        drawn = np.random.default_rng(seed).multinomial(patients, weights / patients, resamples)
        # A sample in which no patient has a lesion has no sensitivity.
        several = [found(one.astype(float)) for one in drawn if one[marks.lesion_patients].any()]
        spans = np.percentile(several, [2.5, 97.5], axis=0) if several else spans
    return [Estimate(float(value), float(low), float(high)) for value, low, high in zip(values, *spans, strict=True)]


def _equal(marks: Marks) -> Numbers:
    return np.ones(int(marks.case_patients.max(initial=-1)) + 1)


@dataclass(frozen=True, eq=False)
class _Steps:
    """Marks in the order of their confidence, of which equal ones are one step.

    Args:
        patients: The patient of each mark.
        hit: Whether each mark is on a lesion.
        ends: Index of the last mark of each step.
        confidences: Confidence of each step.
    """

    patients: NDArray[np.integer]
    hit: NDArray[np.bool_]
    ends: NDArray[np.intp]
    confidences: Numbers

    @classmethod
    def of(cls, marks: Marks) -> _Steps:
        on = marks.lesions > -math.inf
        confidences = np.concatenate([marks.lesions[on], marks.false])
        order = np.argsort(-confidences, kind="stable")
        ends = np.flatnonzero(np.diff(confidences[order], append=-math.inf))
        patients = np.concatenate([marks.lesion_patients[on], marks.false_patients])[order]
        return cls(patients, order < np.count_nonzero(on), ends, confidences[order][ends])

    def cumulated(self, weights: Numbers) -> tuple[Numbers, Numbers]:
        """Return how many lesions are hit, and how many marks are false, at each step and before."""
        counts = weights[self.patients]
        return np.cumsum(counts * self.hit)[self.ends], np.cumsum(counts * ~self.hit)[self.ends]
