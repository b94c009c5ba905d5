"""Equivalence of models to readers within a margin of Dice, as tables."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ctbench.metric_descriptions import DICE
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.statistics import OVERALL, equivalence, within_readers

__all__ = ["MARGIN", "can_be_equivalent", "equivalence_rows", "equivalence_table", "reader_spread", "relative_to"]


MARGIN = 0.05
"""The largest difference in Dice that is taken as one that does not matter, unless another is chosen."""


def can_be_equivalent(results: ComparableRuns) -> bool:
    """Return whether there are models, readers and Dice scores to compare them by."""
    return bool(results.models and results.readers and DICE in results.chief_metrics)


def equivalence_table(results: ComparableRuns, model: str, margin: float = MARGIN) -> pd.DataFrame:
    """Test a model for equivalence to each reader, by structure and overall, each on the reader's own reference.

    Args:
        results: Runs for which ``can_be_equivalent`` is true.
        model: Name of the model.
        margin: The largest difference in Dice that does not matter.

    Returns:
        The columns of ``ctbench.statistics.equivalence`` by label and reference.

    Raises:
        UsageError: The margin is not positive.
    """
    return equivalence_rows(results, results.scores, model, margin, results.patients)


def equivalence_rows(
    results: ComparableRuns, scores: pd.DataFrame, model: str, margin: float, patients: Mapping[str, str]
) -> pd.DataFrame:
    """Return ``equivalence_table`` from the scores of the readers and this model; other models' are not needed.

    Args:
        results: As for ``equivalence_table``.
        scores: Tidy scores of Dice on the references to compare on.
        model: Name of the model.
        margin: The largest difference in Dice that does not matter.
        patients: Case -> patient; other cases are patients of their own.
    """
    known = tables.with_patients(_scores(results, model, scores), patients)
    by, cluster = ("label", "reference"), "patient"
    tested = equivalence(known, model=model, margin=margin, by=by, cluster=cluster, holm_within="label")
    return tables.in_order(tested, (*results.compared(model), OVERALL))


def reader_spread(results: ComparableRuns, model: str) -> pd.DataFrame:
    """Place a model in the spread of the readers, by structure and overall.

    Args:
        results: Runs for which ``can_be_equivalent`` is true.
        model: Name of the model.

    Returns:
        The columns of ``ctbench.statistics.within_readers`` by label; the model's own mean is 0.
    """
    placed = within_readers(relative_to(_scores(results, model, results.scores), model), model=model)
    return tables.in_order(placed, (*results.compared(model), OVERALL))


def _scores(results: ComparableRuns, model: str, scores: pd.DataFrame) -> pd.DataFrame:
    rows = tables.contest(scores, model, results.fair)
    return tables.with_overall(rows, results.compared(model), results.averaged(model), DICE)


def relative_to(scores: pd.DataFrame, model: str) -> pd.DataFrame:
    """Subtract the model's value from every rater's value, case by case on the same reference.

    Readers on different references can then be compared by their distance from the same model.

    Args:
        scores: Tidy scores of readers and one model, of one metric.
        model: Name of the model; its own values become 0.

    Returns:
        Tidy scores without the column ``reference``; null where the rater or the model has no value.
    """
    keys = ["case", "label", "reference"]
    base = scores.loc[scores["rater"] == model, [*keys, "value"]].rename(columns={"value": "base"})
    both = scores.merge(base, on=keys, how="left")
    return both.assign(value=both["value"] - both["base"]).drop(columns=["base", "reference"])
