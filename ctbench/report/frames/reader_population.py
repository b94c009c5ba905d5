"""Models against readers as a population of readers: multi-reader multi-case analysis of comparable runs."""

from __future__ import annotations

import pandas as pd

from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.statistics import OVERALL, mrmc_of_scores

__all__ = ["population_table"]

_ANALYSIS = "random readers and cases"


def population_table(results: ComparableRuns, model: str, metric: str, margin: float | None = None) -> pd.DataFrame:
    """Compare a model with the population that the readers are a sample of, by structure and overall.

    Args:
        results: Runs with leave-one-out references of two readers or more.
        model: Name of the model.
        metric: Name of the metric.
        margin: The largest difference that does not matter, in the unit of the metric.

    Returns:
        A row for each structure that every reader scored: ``label, model, metric, readers, n`` (cases in which all
        raters have a value on all references), ``left_out`` (other cases with some value), ``difference`` (mean of the
        model minus that of readers) with ``se, degrees, low, high`` (95 %, for new readers and new cases), ``p``, and
        with a margin ``p_non_inferior`` and ``p_equivalent``; see ``ctbench.statistics.mrmc_of_scores``. Structures
        with fewer than two such cases are left out.

    Raises:
        UsageError: The margin is not positive.
    """
    scores = tables.contest(results.positive_scores, model, tables.LEAVE_ONE_OUT)
    rows = tables.with_overall(scores, results.compared(model), results.averaged(model), metric)
    found = []
    for label, own in rows.groupby("label", sort=False):
        counted = own.dropna(subset="value").groupby("case")["rater"].count()
        if (counted == 2 * len(results.readers)).sum() < 2:
            continue
        study = mrmc_of_scores(own, model=model, margin=margin)
        differences = study.differences.set_index("analysis").drop(columns=["first", "second"])
        row = {str(name): value for name, value in differences.loc[_ANALYSIS].items()}
        counts = {"readers": len(results.readers), "n": study.cases, "left_out": study.left_out}
        found.append({"label": label, "model": model, "metric": metric, **counts, **row})
    return tables.in_order(pd.DataFrame(found), (*results.compared(model), OVERALL)) if found else pd.DataFrame()
