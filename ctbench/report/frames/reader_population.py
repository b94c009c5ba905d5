"""Models against readers as a population of readers: multi-reader multi-case analysis of comparable runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.statistics import OVERALL, Mrmc, mrmc_of_scores
from ctbench.statistics.equivalence_margin import margin_verdict

__all__ = ["can_be_population", "population_rows", "population_studies", "population_table", "population_verdict"]

_ANALYSIS = "random readers and cases"


def can_be_population(results: ComparableRuns) -> bool:
    """Return whether there are models, and references without each of two readers or more."""
    return bool(results.models) and results.leave_one_out and len(results.readers) > 1


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
    return population_rows(results, results.positive_scores, model, metric, margin)


def population_rows(
    results: ComparableRuns, scores: pd.DataFrame, model: str, metric: str, margin: float | None
) -> pd.DataFrame:
    """Return ``population_table`` from the scores of the readers and this model; other models' are not needed."""
    found = []
    for label, study in population_studies(results, scores, model, metric, margin):
        differences = study.differences.set_index("analysis").drop(columns=["first", "second"])
        row = {str(name): value for name, value in differences.loc[_ANALYSIS].items()}
        counts = {"readers": len(results.readers), "n": study.cases, "left_out": study.left_out}
        found.append({"label": label, "model": model, "metric": metric, **counts, **row})
    return tables.in_order(pd.DataFrame(found), (*results.compared(model), OVERALL)) if found else pd.DataFrame()


def population_studies(
    results: ComparableRuns, scores: pd.DataFrame, model: str, metric: str, margin: float | None = None
) -> Iterator[tuple[str, Mrmc]]:
    """Yield each structure (and ``overall``) that two cases or more can compare, with the study of it.

    Args:
        results: As for ``population_table``.
        scores: Tidy scores of the readers and this model.
        model: As for ``population_table``.
        metric: As for ``population_table``.
        margin: As for ``population_table``.
    """
    own_scores = tables.contest(scores, model, tables.LEAVE_ONE_OUT)
    rows = tables.with_overall(own_scores, results.compared(model), results.averaged(model), metric)
    for label, own in rows.groupby("label", sort=False):
        counted = own.dropna(subset="value").groupby("case")["rater"].count()
        if (counted == 2 * len(results.readers)).sum() > 1:
            yield str(label), mrmc_of_scores(own, model=model, margin=margin)


def population_verdict(row: Mapping[Any, Any], margin: float) -> str:
    """Return in words what the tests of a row of ``population_table`` show."""
    return margin_verdict(row["p"], row["p"], row["p_equivalent"], row["p_non_inferior"], margin)
