"""All structures of all cases as one sample: mean with standard error, median and Wilcoxon test of each rater."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.statistics import describe, overall, pooled_wilcoxon, populated

__all__ = ["BY_CASE", "POOLED", "can_pool", "pooled", "pooled_labels", "pooled_scores", "usual_baseline"]

POOLED = "structure x subject (pseudo-replicated)"
BY_CASE = "subject"
"""Values of the column ``unit``, as in ``pooled_wilcoxon``: what the sample is made of."""

_DESCRIBED = ["n", "median", "q1", "q3", "mean", "sd", "se"]
_TESTED = ["difference", "low", "high", "p", "p_holm", "reason"]


def can_pool(results: ComparableRuns) -> bool:
    """Return whether at least two models have Dice of the same two structures or more."""
    return len(results.models) > 1 and len(pooled_labels(results)) > 1 and "dice" in results.metrics


def pooled_labels(results: ComparableRuns) -> tuple[str, ...]:
    """Return the structures that the overall means of all models are taken over."""
    scopes = [results.averaged(model) for model in results.models]
    return tuple(name for name in results.structures if scopes and all(name in scope for scope in scopes))


def pooled_scores(results: ComparableRuns, metric: str = "dice", models: Sequence[str] = ()) -> pd.DataFrame:
    """Return the scores of the structures that all models have, on the common reference.

    Args:
        results: Comparable runs.
        metric: Name of the metric.
        models: Names of models; empty (default): all.
    """
    # Whether a lost case is a negative is known from the rows of its reference volumes.
    scores = populated(results.scores)
    return scores[
        (scores["metric"] == metric)
        & (scores["reference"] == results.common)
        & scores["label"].isin(list(pooled_labels(results)))
        & scores["rater"].isin(list(models or results.models))
    ].drop(columns="negative")


def pooled(scores: pd.DataFrame, *, baseline: str, labels: Sequence[str]) -> pd.DataFrame:
    """Describe raters over all structures of all cases, and test each against a baseline.

    Wachinger et al. 2018 take structures x subjects as one sample, for the standard error and for the test, as if the
    structures of one subject were independent; both are then too small. The rows of the unit ``subject`` use the mean
    of each subject over its structures.

    Args:
        scores: Rows of ``pooled_scores``.
        baseline: Name of the rater with which the others are compared.
        labels: Names of the structures.

    Returns:
        A row for each unit and rater: ``unit, rater, n`` (values), ``median, q1, q3, mean, sd, se``, and of the
        Wilcoxon signed-rank test ``difference`` (mean of rater minus baseline) with ``low, high`` (95 %), ``p``,
        ``p_holm`` (adjusted over the raters) and ``reason`` where there is no p; null for the baseline.
    """
    samples = {POOLED: scores, BY_CASE: overall(scores, labels=labels)}
    parts = [describe(rows, by="rater")[["rater", *_DESCRIBED]].assign(unit=unit) for unit, rows in samples.items()]
    table = pd.concat(parts, ignore_index=True)
    if len(scores["rater"].unique()) > 1:
        tests = pooled_wilcoxon(scores, baseline=baseline, labels=labels)
        table = table.merge(tests[["unit", "rater", *_TESTED]], on=["unit", "rater"], how="left")
    else:
        table = table.reindex(columns=[*table.columns, *_TESTED])
    return table[["unit", "rater", *_DESCRIBED, *_TESTED]]


_PREFERRED = ("deepnat-crf", "deepnat-crf-demo", "deepnat", "deepnat-demo")


def usual_baseline(scores: pd.DataFrame) -> str:
    """Return the rater that the others are compared with: ``deepnat-crf``, ``deepnat``, or that of the highest mean."""
    means = scores.groupby("rater", sort=False, observed=True)["value"].mean()
    preferred = [name for name in _PREFERRED if name in means.index]
    return preferred[0] if preferred else str(means.idxmax())
