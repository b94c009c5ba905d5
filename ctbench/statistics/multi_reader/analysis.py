"""Obuchowski and Rockette's analysis of variance of figures of merit, with Hillis' degrees of freedom."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri, fdtrc

from ctbench.statistics.estimate import Z, t_half_width, t_p_value
from ctbench.statistics.missing import Numbers

__all__ = [
    "Analysis",
    "Components",
    "Contrast",
    "Design",
    "Table",
    "analyse",
    "components",
    "difference",
    "mean_over_readers",
    "sum_of_mean_squares",
]

Analysis = Literal["random readers and cases", "fixed readers", "fixed cases"]
"""What is a sample of a population: readers and cases, cases alone, or readers alone."""

Design = Literal["factorial", "readers nested", "cases nested"]
"""Whether every reader read every case in every condition, or each reader or each case is of one condition."""


class Components(NamedTuple):
    """Variance and covariances of figures of merit over samples of cases."""

    variance: float
    cov1: float
    """Of one reader in two conditions."""
    cov2: float
    """Of two readers in one condition."""
    cov3: float
    """Of two readers in two conditions."""

    @property
    def excess(self) -> float:
        """``cov2 - cov3``, at least 0."""
        return max(self.cov2 - self.cov3, 0.0)


class Table(NamedTuple):
    """Figures of merit of I conditions and J readers, and their covariances.

    In a design with nested readers, row i holds the readers of condition i, then NaN where another one has more.
    """

    values: Numbers
    """Array I x J."""
    covariances: Numbers
    """Array of all figures that are there by all of them, condition by condition."""
    design: Design = "factorial"
    sampled: int | None = None
    """Number of cases whose sample covariances these are: then they have degrees of freedom of their own. None: they
    are taken as known, as Hillis does."""

    def condition(self, row: int) -> tuple[Numbers, Numbers]:
        """Return the figures of one condition and their covariances, J x J."""
        start, count = int(self.sizes[:row].sum()), int(self.sizes[row])
        own = slice(start, start + count)
        return self.values[row, :count], self.covariances[own, own]

    @property
    def sizes(self) -> NDArray[np.integer]:
        """Number of readers of each condition."""
        return np.asarray(np.count_nonzero(~np.isnan(self.values), axis=1))

    @property
    def means(self) -> Numbers:
        """Mean figure of each condition."""
        return np.asarray(np.nanmean(self.values, axis=1))

    @property
    def mean_squares(self) -> tuple[float, float, float]:
        """Mean squares of conditions, readers, and their interaction (nested readers: readers within conditions).

        Of nested readers in unequal numbers that of conditions is the one of the analysis of unweighted means, with the
        harmonic mean of the numbers.
        """
        conditions, readers = self.values.shape
        rows, columns = self.means[:, None], self.values.mean(axis=0, keepdims=True)
        if self.design == "readers nested":
            inside = float(np.nansum((self.values - rows) ** 2)) / max(int(self.sizes.sum()) - conditions, 1)
            return _harmonic(self.sizes) * _variance(rows), math.nan, inside
        rest = self.values - rows - columns + self.values.mean()
        degrees = (conditions - 1) * (readers - 1)
        interaction = float((rest**2).sum()) / degrees if degrees else math.nan
        return readers * _variance(rows), conditions * _variance(columns), interaction


def _harmonic(sizes: NDArray[np.integer]) -> float:
    """Return the harmonic mean, which is the size itself where all are equal."""
    return float(sizes[0]) if (sizes == sizes[0]).all() else len(sizes) / float((1 / sizes).sum())


def _variance(values: Numbers) -> float:
    return float(values.var(ddof=1)) if values.size > 1 else math.nan


def components(table: Table) -> Components:
    """Return the means of the covariances of each kind; 0 for a kind that the design does not have."""
    condition, reader = np.nonzero(~np.isnan(table.values))
    if table.design == "readers nested":
        reader = np.arange(len(condition))
    same_condition, same_reader = condition[:, None] == condition, reader[:, None] == reader

    def mean(chosen: Numbers) -> float:
        return float(table.covariances[chosen].mean()) if chosen.any() else 0.0

    apart = table.design != "cases nested"  # figures of different cases are independent
    return Components(
        mean(same_condition & same_reader),
        mean(~same_condition & same_reader) if apart else 0.0,
        mean(same_condition & ~same_reader),
        mean(~same_condition & ~same_reader) if apart else 0.0,
    )


class Error(NamedTuple):
    """The error of F, and of a difference of two conditions: its variance is 2 / J times the mean square.

    Of nested readers in unequal numbers J is the harmonic mean of those of the conditions.
    """

    mean_square: float
    degrees: float
    """Degrees of freedom; infinity: normal."""


def _error(table: Table, analysis: Analysis, readers: float) -> Error:
    found = components(table)
    interaction = table.mean_squares[2]
    nested, conditions = table.design == "readers nested", len(table.values)
    degrees = int(table.sizes.sum()) - conditions if nested else (conditions - 1) * (table.values.shape[1] - 1)
    # A nested reader's counterpart in another condition is another reader.
    over_cases = found.variance - (found.cov3 if nested else found.cov1) + (readers - 1) * found.excess
    if analysis == "fixed readers":
        return Error(over_cases, math.inf)
    if degrees < 1:
        return Error(math.nan, 0.0)
    if analysis == "fixed cases":
        return Error(interaction, degrees)
    return Error(*sum_of_mean_squares(interaction, degrees, readers * found.excess, over_cases, table.sampled))


_ABOVE = 0.7
"""Share of samples of readers whose mean square lies above the quantile by which it is raised: see below."""


def sum_of_mean_squares(
    between: float, degrees: float, shared: float, over_cases: float, sampled: int | None
) -> tuple[float, float]:
    """Return the sum of two mean squares and its degrees of freedom by Satterthwaite's rule.

    Hillis takes what is shared as known. Where it is estimated from few cases, and readers are few, that rule promises
    too many degrees in those samples in which the readers happen to be alike, and rejects too often. With ``sampled``
    the readers therefore enter the degrees of freedom, not the sum, with the upper 70 % confidence limit of their mean
    square, and the covariance with the geometric mean of its own size and of that of the mean square over cases, of
    which it is a difference. The 70 % are a choice of ours, by simulation (``benchmarks/calibration.py``).

    Args:
        between: Mean square between readers.
        degrees: Its degrees of freedom.
        shared: What readers share of the error over cases: their number times a covariance.
        over_cases: Mean square of fixed readers: what they share, and what they do not.
        sampled: As in ``Table``.
    """
    total = between + shared
    if sampled is None:
        return total, total**2 / (between**2 / degrees) if between > 0 else math.inf
    upper = between * degrees / float(chdtri(degrees, _ABOVE))
    spread = upper**2 / degrees + shared * over_cases / (sampled - 1)
    return total, (upper + shared) ** 2 / spread if spread > 0 else math.inf


class Test(NamedTuple):
    """The test that all conditions are equal."""

    statistic: float
    """F; chi-square of ``degrees`` if readers are fixed."""
    degrees: float
    error_degrees: float
    p: float


def analyse(table: Table, analysis: Analysis) -> Test:
    """Test whether all conditions have the same mean figure of merit.

    Obuchowski and Rockette (Communications in Statistics 1995;24:285-308), with the degrees of freedom of Hillis
    (Statistics in Medicine 2007;26:596-619); nested designs as in Hillis (Statistics in Medicine 2014;33:330-360);
    nested readers in unequal numbers by the analysis of unweighted means.

    Args:
        table: Figures of merit of at least two conditions.
        analysis: What is random.
    """
    square, _, _ = table.mean_squares
    error = _error(table, analysis, _harmonic(table.sizes))
    degrees = len(table.values) - 1
    if not error.mean_square > 0:
        return Test(math.nan, degrees, error.degrees, math.nan)
    if analysis == "fixed readers":
        statistic = degrees * square / error.mean_square
        return Test(statistic, degrees, math.inf, float(chdtrc(degrees, statistic)))
    statistic = square / error.mean_square
    return Test(statistic, degrees, error.degrees, float(fdtrc(degrees, min(error.degrees, 1e9), statistic)))


class Contrast(NamedTuple):
    """An estimate with its standard error, degrees of freedom (infinity: normal), 95 % interval and two-sided p."""

    estimate: float
    error: float
    degrees: float
    low: float
    high: float
    p: float


def difference(table: Table, first: int, second: int, analysis: Analysis) -> Contrast:
    """Return the mean figure of one condition minus that of another one.

    Args:
        table: Figures of merit.
        first: Row of the condition.
        second: Row of the condition that is subtracted.
        analysis: What is random.
    """
    readers = _harmonic(table.sizes[[first, second]])
    means, error = table.means, _error(table, analysis, readers)
    squared = 2 * error.mean_square / readers
    return _contrast(float(means[first] - means[second]), squared, error.degrees)


def mean_over_readers(
    values: Numbers, covariances: Numbers, analysis: Analysis, sampled: int | None = None
) -> Contrast:
    """Return the mean of J readers' values (Hillis, Statistics in Medicine 2007;26:596-619).

    Args:
        values: The figures of one condition, or the differences of one model from each reader.
        covariances: Their covariances over samples of cases, J x J.
        analysis: What is random.
        sampled: As in ``Table``.
    """
    readers, mean = len(values), float(values.mean())
    if analysis == "fixed readers":
        return _contrast(mean, float(covariances.mean()), math.inf)
    if readers < 2:
        return _contrast(mean, math.nan, 0.0)
    between = _variance(values)
    if analysis == "fixed cases":
        return _contrast(mean, between / readers, readers - 1)
    shared = max(float(covariances[~np.eye(readers, dtype=bool)].mean()), 0.0)
    over_cases = readers * float(covariances.mean())
    total, degrees = sum_of_mean_squares(between, readers - 1, readers * shared, over_cases, sampled)
    return _contrast(mean, total / readers, degrees)


def _contrast(estimate: float, squared: float, degrees: float) -> Contrast:
    error = math.sqrt(squared) if squared > 0 else math.nan
    if math.isinf(degrees):
        p = math.erfc(abs(estimate / error) / math.sqrt(2)) if error > 0 else math.nan
        return Contrast(estimate, error, degrees, estimate - Z * error, estimate + Z * error, p)
    half = t_half_width(error, degrees)
    return Contrast(estimate, error, degrees, estimate - half, estimate + half, t_p_value(estimate, error, degrees))
