"""Subgroups of cases, and the share of low Dice values by structure and subgroup."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.metric_descriptions import DICE
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.statistics import OVERALL, failures

__all__ = ["LOW_DICE", "can_fail", "dice_scores", "low_table", "subgroup_columns", "subgroup_table"]


LOW_DICE = 0.5
"""A Dice below this limit is a failure (Sharrock et al. 2020), unless the user chooses another limit."""

_MOST = 8

_UNKNOWN = "not stated"


def can_fail(results: ComparableRuns) -> bool:
    """Return whether there are models and Dice scores."""
    return bool(results.models) and DICE in results.chief_metrics


def subgroup_table(dataset: Dataset | None, cases: Sequence[str]) -> pd.DataFrame:
    """Return the subgroups of cases: one row per case, one column per column of the dataset's case table."""
    rows = {case.id: dict(case.subgroups) for case in (dataset.select(cases) if dataset is not None else ())}
    return pd.DataFrame.from_dict(rows, orient="index", dtype=object).replace("", None).fillna(_UNKNOWN)


def subgroup_columns(groups: pd.DataFrame) -> list[str]:
    """Return the columns that split the cases into 2 to 8 groups; of columns with the same split, the first."""
    parted: dict[tuple[int, ...], str] = {}
    for name in map(str, groups.columns):
        if 2 <= groups[name].nunique() <= _MOST:
            parted.setdefault(tuple(pd.factorize(groups[name])[0].tolist()), name)
    return list(parted.values())


def low_table(results: ComparableRuns, model: str, below: float = LOW_DICE) -> pd.DataFrame:
    """Count the cases of a model with a low Dice against the common reference, by structure and overall.

    Returns:
        The columns of ``ctbench.statistics.failures`` by label and rater.
    """
    counted = failures(dice_scores(results, model), below=below)
    return tables.in_order(counted, (*results.compared(model), OVERALL))


def dice_scores(results: ComparableRuns, model: str) -> pd.DataFrame:
    """Return the Dice of a model against the common reference, by case and structure, and ``overall``."""
    scores = results.positive_scores
    rows = scores[(scores["rater"] == model) & (scores["reference"] == results.common)]
    return tables.with_overall(rows, results.compared(model), results.averaged(model), DICE)
