"""Figures of merit of a reader (ROC area, wAFROC, mean score ...), and their covariances by leaving out cases.

Every figure here is the mean of a *kernel*: a table of what is positive (cases with the disease, lesions) against what
is negative. A case or patient is left out by taking its rows and columns away, which needs no second evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.statistics.missing import Numbers

__all__ = ["Covariance", "Figure", "Merit", "covariances", "marks_merit", "ratings_merit"]

Figure = Literal["auc", "sensitivity", "specificity", "mean", "wafroc", "wafroc1", "afroc", "lroc", "hrauc"]
"""Names of the figures of merit."""

Covariance = Literal["jackknife", "delong", "unbiased"]
"""Names of the estimators of the covariances of figures of merit."""

_NOBODY = -1
_ONE_ROW_A_CASE = frozenset({"auc", "hrauc", "lroc", "wafroc"})
"""Figures in which each case is one row or one column."""


@dataclass(frozen=True, eq=False)
class Merit:
    """A figure of merit of one reader in one condition.

    Args:
        figure: Name of the figure.
        kernel: Its terms, positives x negatives; the figure is their mean.
        rows: The unit (case, or patient) of each row, as integers from 0.
        columns: The unit of each column; -1 for a column of no unit.
        units: Number of units.
    """

    figure: Figure
    kernel: Numbers
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    units: int

    @property
    def value(self) -> float:
        """The figure of merit; NaN without rows or columns."""
        return float(self.kernel.mean()) if self.kernel.size else math.nan

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Whether each unit has a row or a column."""
        found = np.zeros(self.units, bool)
        found[self.rows] = True
        found[self.columns[self.columns != _NOBODY]] = True
        return found

    def left_out(self) -> Numbers:
        """Return the figure without each unit; NaN where nothing would be left."""
        own = self.columns != _NOBODY
        row_count = np.bincount(self.rows, minlength=self.units)
        column_count = np.bincount(self.columns[own], minlength=self.units)
        taken = np.bincount(self.rows, weights=self.kernel.sum(axis=1), minlength=self.units)
        taken += np.bincount(self.columns[own], weights=self.kernel.sum(axis=0)[own], minlength=self.units)
        same = self.rows[:, None] == self.columns
        taken -= np.bincount(self.rows, weights=np.where(same, self.kernel, 0).sum(axis=1), minlength=self.units)
        left = (len(self.rows) - row_count) * (len(self.columns) - column_count)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(left > 0, (self.kernel.sum() - taken) / left, math.nan))


def ratings_merit(
    figure: Figure, ratings: Numbers, truth: NDArray[np.bool_], units: NDArray[np.intp], threshold: float | None = None
) -> Merit:
    """Return the figure of merit of one rating a case.

    Args:
        figure: ``auc`` (trapezoid area under the ROC curve), ``sensitivity`` and ``specificity`` (a rating above
            ``threshold`` is a positive call), or ``mean`` (of the ratings, which may be any scores).
        ratings: The rating of each case.
        truth: Whether each case has the disease; ``mean`` does not look at it.
        units: The unit of each case, as integers from 0: the case itself, or its patient.
        threshold: For sensitivity and specificity.

    Raises:
        UsageError: The figure is one of marks, or sensitivity or specificity is asked for without a threshold.
    """
    count, nobody = int(units.max()) + 1, np.full(1, _NOBODY)
    if figure == "mean":
        return Merit(figure, ratings[:, None], units, nobody, count)
    if figure in {"sensitivity", "specificity"}:
        if threshold is None:
            msg = f"{figure} needs a threshold: ratings above it are positive calls"
            raise UsageError(msg)
        chosen = truth if figure == "sensitivity" else ~truth
        right = (ratings > threshold) == truth
        return Merit(figure, right[chosen, None].astype(float), units[chosen], nobody, count)
    if figure != "auc":
        msg = f"{figure} is a figure of marks; a table of ratings has one of auc, sensitivity, specificity, mean"
        raise UsageError(msg)
    return Merit(figure, _order(ratings[truth], ratings[~truth]), units[truth], units[~truth], count)


def marks_merit(
    figure: Figure,
    lesions: Sequence[Sequence[float]],
    false_marks: Sequence[Sequence[float]],
    units: NDArray[np.intp],
    weights: Sequence[Sequence[float]] | None = None,
) -> Merit:
    """Return the figure of merit of marks with confidences.

    With z the highest false mark of a case and x the mark of a lesion (minus infinity: none), and psi(x, z) 1 if x > z,
    1/2 if they are equal, else 0 (Chakraborty and Zhai, Medical Physics 2016;43:2264-2274):

    - ``afroc``: the mean of psi over lesions and normal cases.
    - ``wafroc``: the same, weighted so that each diseased case counts once.
    - ``wafroc1``: as ``wafroc``, over the z of all cases.
    - ``hrauc``: ROC area of the highest mark of each case.
    - ``lroc``: area of one located finding a case: the highest mark of a diseased case counts if it lies on a lesion.

    Args:
        figure: Name of the figure.
        lesions: For each case the confidence of the mark on each of its lesions; minus infinity where there is none.
            A case without lesions is normal.
        false_marks: For each case the confidences of its marks that lie on no lesion.
        units: The unit of each case, as integers from 0.
        weights: For each case the weights of its lesions, with sum 1; None: equal weights.

    Raises:
        UsageError: The figure is not one of marks.
    """
    diseased = np.array([len(own) > 0 for own in lesions], bool)
    highest = np.array([max(own, default=-math.inf) for own in false_marks])
    best = np.array([max(own, default=-math.inf) for own in lesions])
    count, ill, normal = int(units.max()) + 1, np.flatnonzero(diseased).tolist(), np.flatnonzero(~diseased).tolist()
    if figure == "hrauc":
        return Merit(figure, _order(np.fmax(best, highest)[ill], highest[normal]), units[ill], units[normal], count)
    if figure == "lroc":
        found = np.where(best > highest, best, -math.inf)
        return Merit(figure, _order(found[ill], highest[normal]), units[ill], units[normal], count)
    if figure not in {"afroc", "wafroc", "wafroc1"}:
        msg = f"{figure} is a figure of ratings; a table of marks has one of afroc, wafroc, wafroc1, hrauc, lroc"
        raise UsageError(msg)
    others = list(range(len(highest))) if figure == "wafroc1" else normal
    terms = [_order(np.array(lesions[case], np.float64), highest[others]) for case in ill]
    if figure == "afroc":
        rows = np.repeat(units[ill], [len(lesions[case]) for case in ill])
        return Merit(figure, np.concatenate(terms), rows, units[others], count)
    shares = [np.full(len(own), 1 / max(len(own), 1)) for own in lesions] if weights is None else weights
    weighted = [np.asarray(shares[case]) @ term for case, term in zip(ill, terms, strict=True)]
    return Merit(figure, np.array(weighted).reshape(len(ill), len(others)), units[ill], units[others], count)


def _order(positive: Numbers, negative: Numbers) -> Numbers:
    """Return 1 where a positive is rated higher than a negative, 1/2 where they are equal, else 0."""
    above, equal = positive[:, None] > negative, positive[:, None] == negative
    return np.asarray(above + equal / 2)


def covariances(merits: Sequence[Merit], method: Covariance = "jackknife") -> Numbers:
    """Return the covariances of figures of merit of the same cases.

    Args:
        merits: m figures, over the same units.
        method: ``jackknife``: units are left out. ``delong``: by the structural components of DeLong, DeLong and
            Clarke-Pearson (Biometrics 1988;44:837-845). ``unbiased``: by moments of pairs of cases (Gallas, Academic
            Radiology 2006;13:353-362); it may be negative on the diagonal. For ``mean``, ``sensitivity`` and
            ``specificity`` of cases all three are the sample covariance over the number of cases.

    Returns:
        Array m x m.

    Raises:
        UsageError: The method is unknown, or it is not defined for the figure or for clustered cases.
    """
    if method not in get_args(Covariance):
        msg = f"unknown covariance {method!r}; expected one of {', '.join(get_args(Covariance))}"
        raise UsageError(msg)
    first = merits[0]
    alone = len(np.unique(np.concatenate([first.rows, first.columns]))) == len(first.rows) + len(first.columns)
    if method == "jackknife" or (first.columns[0] == _NOBODY and alone):
        counted = np.any([merit.counted for merit in merits], axis=0)
        return _scatter(np.array([merit.left_out()[counted] for merit in merits]))
    if first.figure not in _ONE_ROW_A_CASE or not alone:
        msg = f"{method} covariances of {first.figure} are not defined for lesions or clustered cases; use jackknife"
        raise UsageError(msg)
    if method == "delong":
        left = np.array([merit.left_out() for merit in merits])
        return _scatter(left[:, first.rows]) + _scatter(left[:, first.columns])
    return _unbiased(np.array([merit.kernel for merit in merits]))


def _scatter(left_out: Numbers) -> Numbers:
    """Return the jackknife's covariances of figures, from an array figures x units of the figures without each unit."""
    units = left_out.shape[1]
    deviations = left_out - left_out.mean(axis=1, keepdims=True)
    return np.asarray((units - 1) / units * deviations @ deviations.T)


def _unbiased(kernels: Numbers) -> Numbers:
    _, positives, negatives = kernels.shape
    if min(positives, negatives) < 2:
        return np.full((len(kernels), len(kernels)), math.nan)
    both = np.einsum("aij,bij->ab", kernels, kernels)
    row = np.einsum("ai,bi->ab", kernels.sum(axis=2), kernels.sum(axis=2))
    column = np.einsum("aj,bj->ab", kernels.sum(axis=1), kernels.sum(axis=1))
    total = np.outer(kernels.sum(axis=(1, 2)), kernels.sum(axis=(1, 2)))
    pairs = positives * negatives
    apart = (total - row - column + both) / (pairs * (positives - 1) * (negatives - 1))
    return np.asarray(total / pairs**2 - apart)
