"""Diagnostic accuracy per case: sensitivity, specificity, predictive values, ROC curve and its area (AUC)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ctbench.errors import UsageError
from ctbench.statistics.estimate import Estimate, Z
from ctbench.statistics.missing import Numbers, complete_pairs
from ctbench.statistics.proportion import wilson

__all__ = ["Detection", "detection", "detection_table", "predictive_values", "roc_auc", "roc_curve"]


_NEAR = 1e-9
"""At an area of 0 or 1 the standard error is 0, and the end that is sought lies farther off than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Diagnostic accuracy of a score at one threshold. Proportions are 0 to 1, NaN where their denominator is 0.

    Attributes:
        n: Number of cases with both a truth and a score.
        left_out: Number of cases left out because their truth or score is NaN.
        positive: Number of truly positive cases.
        threshold: A score at or above it counts as positive.
        true_positive: Number of positive cases with a positive score.
        false_positive: Number of negative cases with a positive score.
        true_negative: Number of negative cases with a negative score.
        false_negative: Number of positive cases with a negative score.
        accuracy: Proportion of correctly classified cases, with Wilson's 95 % interval.
        sensitivity: True positives among the positive cases, with Wilson's 95 % interval.
        specificity: True negatives among the negative cases, with Wilson's 95 % interval.
        ppv: Positive predictive value, with Wilson's 95 % interval.
        npv: Negative predictive value, with Wilson's 95 % interval.
        auc: Area under the ROC curve, with Newcombe's 95 % interval.
        prevalence: Proportion of positive cases.
        balanced_accuracy: Mean of sensitivity and specificity (the accuracy at a prevalence of 0.5), with its 95 %
            interval.
        balanced_ppv: Positive predictive value at a prevalence of 0.5.
        balanced_npv: Negative predictive value at a prevalence of 0.5.
        reason: Why ``auc`` or its interval is NaN; else empty.
    """

    n: int
    left_out: int
    positive: int
    threshold: float
    true_positive: int = 0
    false_positive: int = 0
    true_negative: int = 0
    false_negative: int = 0
    accuracy: float = math.nan
    accuracy_low: float = math.nan
    accuracy_high: float = math.nan
    sensitivity: float = math.nan
    sensitivity_low: float = math.nan
    sensitivity_high: float = math.nan
    specificity: float = math.nan
    specificity_low: float = math.nan
    specificity_high: float = math.nan
    ppv: float = math.nan
    ppv_low: float = math.nan
    ppv_high: float = math.nan
    npv: float = math.nan
    npv_low: float = math.nan
    npv_high: float = math.nan
    auc: float = math.nan
    auc_low: float = math.nan
    auc_high: float = math.nan
    prevalence: float = math.nan
    balanced_accuracy: float = math.nan
    balanced_accuracy_low: float = math.nan
    balanced_accuracy_high: float = math.nan
    balanced_ppv: float = math.nan
    balanced_npv: float = math.nan
    reason: str = ""


def detection(
    truth: ArrayLike, score: ArrayLike, threshold: float = 0.5, *, lost: ArrayLike | None = None
) -> Detection:
    """Return the diagnostic accuracy of a score: counts and proportions at one threshold, and the AUC.

    Args:
        truth: One value per case: True or 1 if it is positive, else False or 0.
        score: One value per case, in the same order; a higher score means more likely positive.
        threshold: A score at or above it counts as positive. Default 0.5.
        lost: One bool per case: True if it has no prediction (failed or missing). It counts as wrongly called at every
            threshold, whatever its score: a positive case below all others, a negative one above. None: no case is.

    Raises:
        UsageError: The lengths differ, a truth is not 0 or 1, or a score is infinite.
    """
    actual, scores, left_out = _cases(truth, score if lost is None else wrongly_called(truth, score, lost, threshold))
    called = scores >= threshold
    hits, misses = int((called & actual).sum()), int((~called & actual).sum())
    alarms, quiets = int((called & ~actual).sum()), int((~called & ~actual).sum())
    shares = {
        "accuracy": wilson(hits + quiets, len(actual)),
        "sensitivity": wilson(hits, hits + misses),
        "specificity": wilson(quiets, quiets + alarms),
        "ppv": wilson(hits, hits + alarms),
        "npv": wilson(quiets, quiets + misses),
        "auc": roc_auc(actual, scores),
    }
    shares["balanced_accuracy"] = _mean(shares["sensitivity"], shares["specificity"])
    ppv, npv = predictive_values(shares["sensitivity"].value, shares["specificity"].value, prevalence=0.5)
    return Detection(
        n=len(actual),
        left_out=left_out,
        positive=hits + misses,
        threshold=threshold,
        true_positive=hits,
        false_positive=alarms,
        true_negative=quiets,
        false_negative=misses,
        prevalence=(hits + misses) / len(actual) if len(actual) else math.nan,
        balanced_ppv=ppv,
        balanced_npv=npv,
        reason=shares["auc"].reason,
        **_flat(shares),
    )


def wrongly_called(truth: ArrayLike, score: ArrayLike, lost: ArrayLike, threshold: float) -> Numbers:
    """Return the scores with those of lost cases beyond all others, and beyond the threshold, on the wrong side."""
    scores, gone = np.array(score, np.float64), np.asarray(lost, bool)
    known = np.append(scores[~gone & np.isfinite(scores)], threshold)
    scores[gone] = np.where(np.asarray(truth, bool)[gone], known.min() - 1, known.max() + 1)
    return scores


def _cases(truth: ArrayLike, score: ArrayLike) -> tuple[np.ndarray, Numbers, int]:
    actual, scores, left_out = complete_pairs(truth, score)
    if not np.isin(actual, (0, 1)).all():
        msg = f"the truth of a case must be 0 or 1, got {sorted(set(actual) - {0, 1})[:5]}"
        raise UsageError(msg)
    return actual.astype(bool), scores, left_out


def _flat(estimates: dict[str, Estimate]) -> dict[str, Any]:
    return {
        name + ending: value
        for name, estimate in estimates.items()
        for ending, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high))
    }


def _mean(first: Estimate, second: Estimate) -> Estimate:
    """Return the mean of two independent proportions, with the interval of Newcombe's method 10.

    Its distances from the mean are the root of the summed squares of the two intervals' distances, halved.
    """
    value = (first.value + second.value) / 2
    below = math.hypot(first.value - first.low, second.value - second.low) / 2
    above = math.hypot(first.high - first.value, second.high - second.value) / 2
    return Estimate(value, value - below, value + above)


def predictive_values(sensitivity: float, specificity: float, *, prevalence: float) -> tuple[float, float]:
    """Return the positive and the negative predictive value at a given prevalence, by Bayes' theorem.

    Args:
        sensitivity: Proportion, 0 to 1.
        specificity: Proportion, 0 to 1.
        prevalence: Proportion of positive cases, 0 to 1; 0.5 for the papers' balanced set.

    Returns:
        The two values, 0 to 1; NaN where no case would be called positive, or none negative.

    Raises:
        UsageError: The prevalence is outside 0 to 1.
    """
    if not 0 <= prevalence <= 1:
        msg = f"the prevalence must be from 0 to 1, got {prevalence}"
        raise UsageError(msg)
    hits, misses = sensitivity * prevalence, (1 - sensitivity) * prevalence
    quiets, alarms = specificity * (1 - prevalence), (1 - specificity) * (1 - prevalence)
    ppv = hits / (hits + alarms) if hits + alarms else math.nan
    return ppv, quiets / (quiets + misses) if quiets + misses else math.nan


def roc_auc(truth: ArrayLike, score: ArrayLike, *, interval: Literal["newcombe", "delong"] = "newcombe") -> Estimate:
    """Return the area under the ROC curve, with its 95 % interval.

    The area is the probability that a positive case scores above a negative one; a tie counts half.

    Args:
        truth: One value per case: True or 1 if it is positive, else False or 0.
        score: One value per case, in the same order; a higher score means more likely positive.
        interval: ``newcombe`` (default): method 5 of Newcombe (Stat Med 2006;25:559-573): the areas whose own standard
            error (of exponential scores; Hanley and McNeil 1982) reaches the estimate. It holds for few cases and near
            1. ``delong``: DeLong, DeLong and Clarke-Pearson (Biometrics 1988;44:837-845), cut at 0 and 1, computed from
            ranks as in Sun and Xu (IEEE Signal Processing Letters 2014;21:1389-1393). It is for large samples; at an
            area of 1 its standard error is 0.

    Returns:
        The estimate over ``n`` cases. NaN with a reason if all cases are positive or all negative; DeLong's interval
        is NaN if there is only one positive or one negative case.

    Raises:
        UsageError: As ``detection``.
    """
    actual, scores, left_out = _cases(truth, score)
    positive, negative = scores[actual], scores[~actual]
    if not (len(positive) and len(negative)):
        reason = "no ROC curve without positive and negative cases"
        return Estimate(math.nan, n=len(actual), left_out=left_out, reason=reason)
    from scipy.stats import rankdata  # takes a second

    ranks = rankdata(np.concatenate([positive, negative]))
    above = (ranks[: len(positive)] - rankdata(positive)) / len(negative)
    below = 1 - (ranks[len(positive) :] - rankdata(negative)) / len(positive)
    value = float(above.mean())
    if interval == "newcombe":
        low, high = _newcombe(value, len(positive), len(negative))
        return Estimate(value, low, high, n=len(actual), left_out=left_out)
    if min(len(positive), len(negative)) < 2:
        return Estimate(
            value,
            n=len(actual),
            left_out=left_out,
            reason="only one positive or one negative case: no interval of the AUC",
        )
    half = Z * math.sqrt(above.var(ddof=1) / len(positive) + below.var(ddof=1) / len(negative))
    return Estimate(value, max(value - half, 0.0), min(value + half, 1.0), n=len(actual), left_out=left_out)


def _newcombe(area: float, positive: int, negative: int) -> tuple[float, float]:
    """Return the areas a that are Z of their own standard errors away: (estimate - a)^2 = Z^2 var(a)."""
    from scipy.optimize import brentq  # takes a second

    pairs, others = positive * negative, (positive + negative) / 2 - 1

    def distance(a: float) -> float:
        variance = a * (1 - a) * (1 + others * ((1 - a) / (2 - a) + a / (1 + a))) / pairs
        return (area - a) ** 2 - Z**2 * variance

    low = brentq(distance, 0.0, area - _NEAR) if area > _NEAR else 0.0
    high = brentq(distance, area + _NEAR, 1.0) if area < 1 - _NEAR else 1.0
    return float(low), float(high)


def detection_table(cases: pd.DataFrame, *, by: str, threshold: float = 0.5) -> pd.DataFrame:
    """Return the diagnostic accuracy in each stratum of the positive cases, as Chang does by type and size.

    Each stratum is compared with all negative cases, so that specificity is the same in each.

    Args:
        cases: One row per case: ``truth``, ``score`` and the column ``by``, which is null for negative cases.
        by: Name of the column to stratify by, e.g. the hemorrhage type or size class.
        threshold: A score at or above it counts as positive. Default 0.5.

    Returns:
        One row per stratum, in the order of their first case: the column ``by`` and the fields of ``Detection``.

    Raises:
        UsageError: A column is missing, a positive case has no stratum, or a negative case has one.
    """
    absent = [column for column in ("truth", "score", by) if column not in cases.columns]
    if absent:
        msg = f"the table of cases has no column {', '.join(absent)}; it has {list(cases.columns)}"
        raise UsageError(msg)
    wrong = cases["truth"].astype(bool) == cases[by].isna()
    if wrong.any():
        first = cases[wrong].iloc[0].to_dict()
        msg = f"expected a {by} for positive cases only; {int(wrong.sum())} cases differ, the first is {first}"
        raise UsageError(msg)
    rows = []
    for stratum in cases[by].dropna().unique():
        chosen = cases[cases[by].eq(stratum) | cases[by].isna()]
        rows.append({by: stratum} | asdict(detection(chosen["truth"], chosen["score"], threshold)))
    return pd.DataFrame(rows)


def roc_curve(truth: ArrayLike, score: ArrayLike) -> pd.DataFrame:
    """Return the ROC curve: sensitivity and false positive rate at every threshold.

    The trapezoidal area under it is the value of ``roc_auc``.

    Args:
        truth: One value per case: True or 1 if it is positive, else False or 0.
        score: One value per case, in the same order; a higher score means more likely positive. Cases with a NaN are
            left out.

    Returns:
        Columns ``threshold`` (a score at or above it counts as positive; infinite in the first row),
        ``false_positive_rate`` (1 minus specificity) and ``sensitivity``, from (0, 0) to (1, 1). Empty if all cases are
        positive or all negative.

    Raises:
        UsageError: As ``detection``.

    Example:
        >>> roc_curve([0, 1, 0, 1], [0.1, 0.9, 0.4, 0.4])["sensitivity"].tolist()
        [0.0, 0.5, 1.0, 1.0]
    """
    positive, scores, _ = _cases(truth, score)
    if positive.all() or not positive.any():
        return pd.DataFrame({"threshold": [], "false_positive_rate": [], "sensitivity": []}, dtype=float)
    thresholds = np.concatenate([[np.inf], np.unique(scores)[::-1]])
    called = scores[None, :] >= thresholds[:, None]
    return pd.DataFrame(
        {
            "threshold": thresholds,
            "false_positive_rate": called[:, ~positive].mean(axis=1),
            "sensitivity": called[:, positive].mean(axis=1),
        }
    )
