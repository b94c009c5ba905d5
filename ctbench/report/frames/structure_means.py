"""Mean of every structure and rater on the references that all raters share: structures x models."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.summaries import contest_means_by_structure
from ctbench.statistics import Direction, direction_of

__all__ = ["structure_means", "weakest_structure"]


def structure_means(
    results: ComparableRuns, structures: Sequence[str], models: Sequence[str], metric: str | None = None
) -> pd.DataFrame:
    """Return the mean of each structure for each model and for the readers as one, by which they are ranked.

    Args:
        results: Runs on one dataset.
        structures: Names of the structures, in the order of the rows.
        models: Names of the models.
        metric: Name of the metric. None: the first of ``results.chief_metrics``.

    Returns:
        The columns of ``summaries.contest_means_by_structure``, a row for each structure and rater
        that has a value; single readers stand on a reference of their own each.
    """
    metric = metric or results.chief_metrics[0]
    grids = results.grids(metric, results.fair)
    known = [label for label in structures if any(label in grid.labels for grid in grids)]
    if not known:
        return pd.DataFrame(columns=["label", "rater", "mean"])
    raters = results.name_of, results.readers, models
    table = contest_means_by_structure(grids, known, metric, results.fair, *raters, patients=results.patients)
    return table[table["mean"].notna()].reset_index(drop=True)


def weakest_structure(means: pd.DataFrame, rater: str, metric: str) -> tuple[str, float] | None:
    """Return the structure with a rater's worst mean, and this mean.

    Args:
        means: Rows of ``structure_means`` of one metric.
        rater: Name of the rater.
        metric: Name of the metric.

    Returns:
        None where the rater has fewer than two structures, or the metric has no better direction.
    """
    own = means[means["rater"] == rater]
    direction = direction_of(metric)
    if len(own) < 2 or direction is Direction.NEITHER:
        return None
    worst = own.sort_values("mean", ascending=direction is Direction.HIGHER, kind="stable").iloc[0]
    return str(worst["label"]), float(worst["mean"])
