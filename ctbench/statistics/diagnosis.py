"""Detection: who is told to have a hemorrhage, and who has one."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ctbench.errors import UsageError
from ctbench.statistics.estimate import Estimate, Z
from ctbench.statistics.missing import Numbers, complete_pairs
from ctbench.statistics.proportion import wilson

__all__ = ["Detection", "detection", "detection_table", "predictive_values", "roc_auc", "roc_curve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """How well a score finds the positive cases. Shares are 0 to 1, and NaN where there is nothing to share.

    Attributes:
        n: cases that count.
        left_out: cases left out because their truth or score is NaN.
        positive: cases that are truly positive.
        threshold: a score at or above it is called positive.
        true_positive: cases rightly called positive; likewise the other three.
        accuracy: share of cases rightly called, with Wilson's interval; likewise the other four.
        auc: area under the ROC curve, with DeLong's interval.
        prevalence: share of positive cases.
        balanced_accuracy: what accuracy would be with as many positive as negative cases: the mean of sensitivity and
            specificity, with the interval of that mean.
        balanced_ppv: likewise the positive predictive value.
        balanced_npv: likewise the negative predictive value.
        reason: why something is NaN; else empty.
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


def detection(truth: ArrayLike, score: ArrayLike, threshold: float = 0.5) -> Detection:
    """Compare scores with the truth, case by case, at one threshold and over all.

    Args:
        truth: for each case True (or 1) if it is positive.
        score: for each case how sure the model is that it is positive; higher is surer.
        threshold: a score at or above it is called positive.

    Raises:
        UsageError: lengths that differ, a truth that is not 0 or 1, or infinite scores.
    """
    actual, scores, left_out = _cases(truth, score)
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
    """Mean of two independent shares; the interval adds the halves of theirs in quadrature (Newcombe's method 10)."""
    value = (first.value + second.value) / 2
    below = math.hypot(first.value - first.low, second.value - second.low) / 2
    above = math.hypot(first.high - first.value, second.high - second.value) / 2
    return Estimate(value, value - below, value + above)


def predictive_values(sensitivity: float, specificity: float, *, prevalence: float) -> tuple[float, float]:
    """Give the positive and negative predictive value that a prevalence would make, by Bayes' theorem.

    Args:
        sensitivity: 0 to 1.
        specificity: 0 to 1.
        prevalence: share of positive cases, 0 to 1; 0.5 for the papers' balanced set.

    Raises:
        UsageError: a prevalence outside 0 to 1.
    """
    if not 0 <= prevalence <= 1:
        msg = f"the prevalence must be a share from 0 to 1, got {prevalence}"
        raise UsageError(msg)
    hits, misses = sensitivity * prevalence, (1 - sensitivity) * prevalence
    quiets, alarms = specificity * (1 - prevalence), (1 - specificity) * (1 - prevalence)
    ppv = hits / (hits + alarms) if hits + alarms else math.nan
    return ppv, quiets / (quiets + misses) if quiets + misses else math.nan


def roc_auc(truth: ArrayLike, score: ArrayLike) -> Estimate:
    """Estimate the area under the ROC curve: how often a positive case scores above a negative one (a tie: half).

    The interval is that of DeLong, DeLong and Clarke-Pearson (Biometrics 1988;44:837-845), cut at 0 and 1, by ranks as
    in Sun and Xu (IEEE Signal Processing Letters 2014;21:1389-1393).

    Args:
        truth: for each case True (or 1) if it is positive.
        score: for each case; higher is surer.

    Returns:
        The estimate over ``n`` cases; NaN with a reason unless there are cases of both kinds, and no interval unless
        there are two of both.

    Raises:
        UsageError: as ``detection``.
    """
    actual, scores, left_out = _cases(truth, score)
    positive, negative = scores[actual], scores[~actual]
    if not (len(positive) and len(negative)):
        reason = "no ROC curve without cases of both kinds"
        return Estimate(math.nan, n=len(actual), left_out=left_out, reason=reason)
    from scipy.stats import rankdata  # takes a second

    ranks = rankdata(np.concatenate([positive, negative]))
    above = (ranks[: len(positive)] - rankdata(positive)) / len(negative)
    below = 1 - (ranks[len(positive) :] - rankdata(negative)) / len(positive)
    value = float(above.mean())
    if min(len(positive), len(negative)) < 2:
        return Estimate(value, n=len(actual), left_out=left_out, reason="one case of a kind: no interval of the AUC")
    half = Z * math.sqrt(above.var(ddof=1) / len(positive) + below.var(ddof=1) / len(negative))
    return Estimate(value, max(value - half, 0.0), min(value + half, 1.0), n=len(actual), left_out=left_out)


def detection_table(cases: pd.DataFrame, *, by: str, threshold: float = 0.5) -> pd.DataFrame:
    """Stratify detection by a column of the positive cases, as Chang does by type and size.

    Every stratum has its own positive cases and all of the negative ones (those whose stratum is null), so that
    specificity is the same in each.

    Args:
        cases: a row for each case with ``truth``, ``score`` and the column ``by``, null for negative cases.
        by: e.g. the hemorrhage type or size class.
        threshold: as in ``detection``.

    Returns:
        A row for each stratum, in the order in which they occur: the column ``by`` and the fields of ``Detection``.

    Raises:
        UsageError: a column is absent, or a positive case has no stratum, or a negative case has one.
    """
    absent = [column for column in ("truth", "score", by) if column not in cases.columns]
    if absent:
        msg = f"the cases lack {', '.join(absent)}; they have {list(cases.columns)}"
        raise UsageError(msg)
    wrong = cases["truth"].astype(bool) == cases[by].isna()
    if wrong.any():
        first = cases[wrong].iloc[0].to_dict()
        msg = f"{int(wrong.sum())} cases are positive without a {by} or negative with one, first {first}"
        raise UsageError(msg)
    rows = []
    for stratum in cases[by].dropna().unique():
        chosen = cases[cases[by].eq(stratum) | cases[by].isna()]
        rows.append({by: stratum} | asdict(detection(chosen["truth"], chosen["score"], threshold)))
    return pd.DataFrame(rows)


def roc_curve(truth: ArrayLike, score: ArrayLike) -> pd.DataFrame:
    """Trace sensitivity against false alarms over all thresholds.

    The area under the straight lines between its points is the value of ``roc_auc``.

    Args:
        truth: for each case True (or 1) if it is positive.
        score: for each case; higher is surer. Pairs with a NaN are left out.

    Returns:
        Columns threshold (a score at or above it is called positive; infinite in the first row), false_positive_rate
        (one minus specificity) and sensitivity, from (0, 0) to (1, 1); empty unless there are cases of both kinds.

    Raises:
        UsageError: lengths that differ, a truth that is not 0 or 1, or infinite scores.

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
