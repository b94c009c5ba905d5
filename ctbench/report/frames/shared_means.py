"""Means with intervals of each model, overall and by structure, as trackers and model cards take them."""

from __future__ import annotations

import pandas as pd

from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.summaries import contest_means
from ctbench.statistics import OVERALL

__all__ = ["SHARED_COLUMNS", "shared_means"]

SHARED_COLUMNS = ("rater", "label", "metric", "unit", "reference", "n", "mean", "low", "high")
"""The columns of ``shared_means``."""


def shared_means(results: ComparableRuns) -> pd.DataFrame:
    """Return the means of the chief metrics of each model, overall and of each structure that it claims.

    They are taken over the positives, on the reference of all readers (or the given one). Structures of a case are
    averaged first for the overall mean.

    Args:
        results: Comparable runs of models.

    Returns:
        The columns ``SHARED_COLUMNS``: a row for each model, metric and label with a mean; ``label`` is ``overall`` or
        a structure, ``n`` the number of cases, ``low`` and ``high`` the 95 % interval of the mean (null if unknown).
    """
    if not results.models:
        return pd.DataFrame(columns=list(SHARED_COLUMNS))
    common, metrics = results.common, results.chief_metrics
    scores = results.positive_scores
    chosen = scores[
        (scores["reference"] == common) & scores["rater"].isin(results.models) & scores["metric"].isin(metrics)
    ]
    parts = [tables.describe_patients(chosen, ("label", "rater"), results.patients)]
    for over, models in results.scopes.items():
        for metric in metrics:
            asked = results.grids(metric, common), over, metric, common, results.name_of, (), models
            parts.append(contest_means(*asked, patients=results.patients).assign(label=OVERALL))
    found = pd.concat([part for part in parts if len(part)], ignore_index=True).assign(reference=common)
    order = {name: place for place, name in enumerate((OVERALL, *results.structures))}
    found = found.loc[found["rater"].isin(results.models), list(SHARED_COLUMNS)].dropna(subset=["mean"])
    placed = found.assign(place=found["label"].map(order), metric_place=found["metric"].map(metrics.index))
    placed = placed.sort_values(["rater", "metric_place", "place"], kind="stable")
    return placed[list(SHARED_COLUMNS)].reset_index(drop=True)
