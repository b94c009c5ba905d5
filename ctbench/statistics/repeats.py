"""Repeated measurements: limits of agreement with repeats, replicate Bland-Altman analysis, and the overall CCC."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri

from ctbench.errors import UsageError
from ctbench.statistics.estimate import ALPHA, Estimate, Z, t_half_width
from ctbench.statistics.missing import Numbers, complete_cases

__all__ = ["RepeatedLimits", "ReplicateLimits", "limits_with_repeats", "overall_ccc", "replicate_bland_altman"]


class RepeatedLimits(NamedTuple):
    """Limits of agreement of readers who measured every case several times, in the unit of the measurements.

    Attributes:
        reproducibility: Half-width of the 95 % limits of one reading around the mean of all readings of its case.
        repeatability: Half-width of the 95 % limits of one reading around the mean of the readings of its case by the
            same reader.
        reader_sd: Standard deviation between readers' biases.
        case_reader_sd: Standard deviation of what a reader does differently in one case, in every session.
        session_sd: Standard deviation between sessions of one reader in one case.
        icc: Share of the variance of one reading that is between cases.
    """

    reproducibility: Estimate
    repeatability: Estimate
    reader_sd: float
    case_reader_sd: float
    session_sd: Estimate
    icc: float


def limits_with_repeats(ratings: ArrayLike) -> RepeatedLimits:
    """Return limits of agreement with the mean where every reader measured every case several times.

    Christensen, Borgbjerg, Børty and Bøgsted, BMC Medical Research Methodology 2020;20:304: two-way random effects with
    interaction, intervals by the modified large-sample method of Graybill and Wang. Components of variance are those of
    the analysis of variance, 0 where negative.

    Args:
        ratings: Array cases x readers x sessions. Cases with a NaN are left out and counted.

    Raises:
        UsageError: The array has another number of axes, fewer than two readers or sessions, or an infinite value.
    """
    values = np.asarray(ratings, dtype=np.float64)
    if values.ndim != 3 or min(values.shape[1:]) < 2:
        msg = f"expected ratings cases x readers x sessions, two or more of both, got shape {values.shape}"
        raise UsageError(msg)
    flat, left_out = complete_cases(values.reshape(len(values), -1))
    table = flat.reshape(-1, *values.shape[1:])
    cases, readers, sessions = table.shape
    if cases < 2:
        nothing = Estimate(math.nan, n=cases, left_out=left_out, reason="fewer than two complete cases")
        return RepeatedLimits(nothing, nothing, math.nan, math.nan, nothing, math.nan)
    cell, by_case, by_reader, grand = table.mean(axis=2), table.mean(axis=(1, 2)), table.mean(axis=(0, 2)), table.mean()
    between_cases = readers * sessions * float(((by_case - grand) ** 2).sum())
    squares = np.array(
        [
            cases * sessions * float(((by_reader - grand) ** 2).sum()),
            sessions * float(((cell - by_case[:, None] - by_reader + grand) ** 2).sum()),
            float(((table - cell[:, :, None]) ** 2).sum()),
        ]
    )
    degrees = np.array([readers - 1, (cases - 1) * (readers - 1), cases * readers * (sessions - 1)])
    of_readers, of_cells, of_sessions = squares / degrees
    total, low, high = _modified_large_sample(squares, degrees)
    around, around_low, around_high = (Z * math.sqrt(part / table.size) for part in (total, low, high))
    spread = np.sqrt([of_sessions, *(squares[2] / chdtri(degrees[2], [ALPHA / 2, 1 - ALPHA / 2]))])
    own, own_low, own_high = (float(one) for one in spread)
    single = Z * math.sqrt((sessions - 1) / sessions)
    case_reader = max((of_cells - of_sessions) / sessions, 0.0)
    reader = max((of_readers - of_cells) / (cases * sessions), 0.0)
    case = max((between_cases / (cases - 1) - of_cells) / (readers * sessions), 0.0)
    sum_of_all = case + reader + case_reader + of_sessions
    return RepeatedLimits(
        reproducibility=Estimate(around, around_low, around_high, n=cases, left_out=left_out),
        repeatability=Estimate(single * own, single * own_low, single * own_high, n=cases, left_out=left_out),
        reader_sd=math.sqrt(reader),
        case_reader_sd=math.sqrt(case_reader),
        session_sd=Estimate(own, own_low, own_high, n=cases, left_out=left_out),
        icc=float(case / sum_of_all) if sum_of_all else math.nan,
    )


def _modified_large_sample(squares: Numbers, degrees: Numbers) -> tuple[float, float, float]:
    """Return a sum of mean squares times constants, as sums of squares, with its interval."""
    below = 1 - degrees / chdtri(degrees, ALPHA / 2)
    above = degrees / chdtri(degrees, 1 - ALPHA / 2) - 1
    total = float(squares.sum())
    return total, total - float(np.linalg.norm(below * squares)), total + float(np.linalg.norm(above * squares))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicateLimits:
    """Bias and 95 % limits of agreement of single measurements, where cases were measured several times.

    Attributes:
        n: Number of cases.
        pairs: Number of pairs of measurements (the true value varies), or of measurements (it is constant).
        bias: Mean of measured minus reference.
        bias_low: Lower end of its 95 % interval over cases.
        bias_high: Upper end of its 95 % interval over cases.
        sd: Standard deviation of a difference between single measurements.
        lower: bias - 1.96 sd.
        upper: bias + 1.96 sd.
        reason: Why a number is NaN; else empty.
    """

    n: int
    pairs: int
    bias: float = math.nan
    bias_low: float = math.nan
    bias_high: float = math.nan
    sd: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    reason: str = ""


def replicate_bland_altman(
    cases: ArrayLike, reference: ArrayLike, measured: ArrayLike, *, true_value: Literal["varies", "constant"]
) -> ReplicateLimits:
    """Return bias and limits of agreement from several measurements per case by both methods.

    Bland and Altman, Journal of Biopharmaceutical Statistics 2007;17:571-582.

    Args:
        cases: The case of each pair of measurements.
        reference: Measurement by the one method; NaN where it has fewer (``constant`` only).
        measured: Measurement by the other method, in the same order and unit; NaN as for ``reference``.
        true_value: ``varies``: the two of a pair were made together, and what they measure differs from pair to pair;
            ``constant``: what is measured is the same throughout a case, so that which two make a pair means nothing.

    Raises:
        UsageError: The lengths differ, or ``true_value`` is unknown.
    """
    names = np.asarray(cases)
    one, other = np.asarray(reference, np.float64), np.asarray(measured, np.float64)
    if not (names.shape == one.shape == other.shape) or names.ndim != 1:
        msg = f"expected three arrays of one length, got shapes {names.shape}, {one.shape} and {other.shape}"
        raise UsageError(msg)
    if true_value == "varies":
        known = ~np.isnan(other - one)
        return _varying(names[known], (other - one)[known])
    if true_value == "constant":
        return _constant(names, one, other)
    msg = f"unknown true_value {true_value!r}; expected varies or constant"
    raise UsageError(msg)


def _varying(names: np.ndarray, differences: Numbers) -> ReplicateLimits:
    groups = [differences[names == name] for name in np.unique(names)]
    sizes, total = np.array([len(group) for group in groups], float), len(differences)
    if len(groups) < 2 or total == len(groups):
        reason = "fewer than two cases" if len(groups) < 2 else "no case has two pairs"
        return ReplicateLimits(n=len(groups), pairs=total, reason=reason)
    bias, means = float(differences.mean()), np.array([group.mean() for group in groups])
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups) / (total - len(groups))
    between = float((sizes * (means - bias) ** 2).sum()) / (len(groups) - 1)
    size = (total - float((sizes**2).sum()) / total) / (len(groups) - 1)
    sd = math.sqrt(max((between - within) / size, 0.0) + within)
    return _limits(bias, means, sd, total)


def _constant(names: np.ndarray, one: Numbers, other: Numbers) -> ReplicateLimits:
    both = [name for name in np.unique(names) if all((~np.isnan(x[names == name])).any() for x in (one, other))]
    groups = [[x[(names == name) & ~np.isnan(x)] for name in both] for x in (one, other)]
    pairs = sum(len(group) for method in groups for group in method)
    if len(both) < 2 or any(max(map(len, method)) < 2 for method in groups):
        reason = "fewer than two cases" if len(both) < 2 else "no case was measured twice by both"
        return ReplicateLimits(n=len(both), pairs=pairs, reason=reason)
    means = np.array([group.mean() for group in groups[1]]) - np.array([group.mean() for group in groups[0]])
    variance = float(means.var(ddof=1))
    for method in groups:
        degrees = sum(len(group) - 1 for group in method)
        within = sum(float(((group - group.mean()) ** 2).sum()) for group in method) / degrees
        variance += (1 - float(np.mean([1 / len(group) for group in method]))) * within
    return _limits(float(means.mean()), means, math.sqrt(variance), pairs)


def _limits(bias: float, means: Numbers, sd: float, pairs: int) -> ReplicateLimits:
    half = t_half_width(float(means.std(ddof=1)) / math.sqrt(len(means)), len(means) - 1)
    return ReplicateLimits(
        n=len(means),
        pairs=pairs,
        bias=bias,
        bias_low=bias - half,
        bias_high=bias + half,
        sd=sd,
        lower=bias - Z * sd,
        upper=bias + Z * sd,
    )


def overall_ccc(ratings: ArrayLike, *, ddof: Literal[0, 1] = 0) -> Estimate:
    """Return the overall concordance correlation coefficient of several readers, with a jackknife interval over cases.

    Lin, Biometrics 1989;45:255-268; for several readers Barnhart, Haber and Song, Biometrics 2002;58:1020-1027. The
    interval is computed on Fisher's z.

    Args:
        ratings: Array cases x readers. Cases with a NaN are left out and counted.
        ddof: Whether variances are divided by n (0, default, as in Lin) or n - 1.

    Raises:
        UsageError: The array has fewer than two readers or is not two-dimensional, or a rating is infinite.
    """
    table, left_out = complete_cases(ratings)
    if len(table) < 3:
        return Estimate(math.nan, n=len(table), left_out=left_out, reason="fewer than three complete cases")
    value = _ccc(table, ddof)
    if math.isnan(value):
        return Estimate(value, n=len(table), left_out=left_out, reason="all values are equal")
    n = len(table)
    others = np.array([_ccc(np.delete(table, case, axis=0), ddof) for case in range(n)])
    if abs(value) >= 1 or not (np.abs(others) < 1).all():
        return Estimate(value, n=n, left_out=left_out, reason="perfect agreement: no interval")
    pseudo = n * math.atanh(value) - (n - 1) * np.arctanh(others)
    half = t_half_width(float(pseudo.std(ddof=1)) / math.sqrt(n), n - 1)
    center = float(pseudo.mean())
    return Estimate(value, math.tanh(center - half), math.tanh(center + half), n=n, left_out=left_out)


def _ccc(table: Numbers, ddof: int) -> float:
    readers = table.shape[1]
    covariance, means = np.cov(table, rowvar=False, ddof=ddof), table.mean(axis=0)
    apart = ((means[:, None] - means) ** 2).sum() / 2
    shared = covariance.sum() - np.trace(covariance)
    total = (readers - 1) * np.trace(covariance) + apart
    return float(shared / total) if total else math.nan
