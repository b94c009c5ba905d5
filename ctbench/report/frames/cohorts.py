"""Cohorts: one model on several datasets, splits or subgroups of cases, and the table that compares its scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.errors import UsageError
from ctbench.report.frames import tables
from ctbench.report.frames.boxplots import box_table
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.subgroups import subgroup_table
from ctbench.statistics import OVERALL, cohort_tests, describe

__all__ = [
    "PRINTED_OVERALL",
    "Cohort",
    "cohort_boxes",
    "cohort_scores",
    "cohort_table",
    "cohorts_of",
    "comparable_models",
    "printed_overall",
    "shared_models",
    "subgroup_cohorts",
]

PRINTED_OVERALL = "overall as printed"
"""Label of the overall row as Cai et al. print it: the mean of the structures' means, and of their SDs."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """Cases on which raters were scored by one set of rules.

    Args:
        name: Name of the cohort: a dataset, a split of one, or a value in a column of its case table.
        results: Comparable runs that hold the scores.
        cases: Ids of the cases of the cohort; None: all cases of the runs.
    """

    name: str
    results: ComparableRuns
    cases: frozenset[str] | None = None

    @property
    def size(self) -> int:
        """Number of cases."""
        return len(self.results.cases if self.cases is None else self.cases)


def cohorts_of(results: Sequence[ComparableRuns]) -> tuple[Cohort, ...]:
    """Return each group of comparable runs as a cohort: named by its dataset, or also by its split or rules."""
    names = [one.dataset for one in results]
    splits = [f"{one.dataset}, {one.manifest.split or 'all'}" for one in results]
    for longer in (splits, [f"{one.dataset}, {one.title}" for one in results]):
        counts = Counter(names)
        names = [name if counts[name] == 1 else more for name, more in zip(names, longer, strict=True)]
    return tuple(Cohort(name, one) for name, one in zip(names, results, strict=True))


def subgroup_cohorts(results: ComparableRuns, dataset: Dataset, column: str) -> tuple[Cohort, ...]:
    """Return the subgroups of a dataset's cases as cohorts, the largest one first.

    Args:
        results: Runs on the dataset.
        dataset: The dataset, with its case table.
        column: Column of the case table.

    Raises:
        UsageError: The case table has no such column.
    """
    groups = subgroup_table(dataset, results.cases)
    if column not in groups:
        known = ", ".join(map(str, groups.columns)) or "none"
        msg = f"the case table of {dataset.name} has no column {column!r}; its columns: {known}"
        raise UsageError(msg)
    counts = groups[column].value_counts()
    return tuple(
        Cohort(str(value), results, frozenset(groups.index[groups[column] == value])) for value in counts.index
    )


def shared_models(cohorts: Sequence[Cohort]) -> tuple[str, ...]:
    """Return the names of the models that were scored on every cohort."""
    first, *others = cohorts
    return tuple(name for name in first.results.models if all(name in one.results.models for one in others))


def comparable_models(cohorts: Sequence[Cohort]) -> tuple[str, ...]:
    """Return those of ``shared_models`` that know one structure of all cohorts."""
    shared = shared_models(cohorts)
    return tuple(model for model in shared if _shared([one.results.compared(model) for one in cohorts]))


def cohort_scores(cohorts: Sequence[Cohort], model: str, metric: str) -> pd.DataFrame:
    """Return the scores of one model on all cohorts, each against the common reference of its own.

    Args:
        cohorts: Cohorts, the baseline first.
        model: Name of a model that was scored on each of them.
        metric: Name of the metric.

    Returns:
        The tidy columns with ``cohort`` and ``patient``, of the structures that the model knows in every cohort, and
        of their mean (label ``overall``). Values are null except for positives.

    Raises:
        UsageError: No structure is common to all cohorts, or one has no scores of the metric.
    """
    structures = _shared([one.results.compared(model) for one in cohorts])
    averaged = _shared([one.results.averaged(model) for one in cohorts])
    lacking = [one.name for one in cohorts if metric not in one.results.metrics]
    if not structures or lacking:
        what = f"no scores of {metric} on {', '.join(lacking)}" if lacking else f"{model} knows no structure of all"
        msg = f"{what}; cohorts are compared by the structures and metrics that they share"
        raise UsageError(msg)
    parts = []
    for cohort in cohorts:
        rows = cohort.results.positive_scores
        rows = rows[(rows["rater"] == model) & (rows["reference"] == cohort.results.common)]
        rows = rows if cohort.cases is None else rows[rows["case"].isin(cohort.cases)]
        own = tables.with_overall(rows, structures, averaged or structures, metric)
        parts.append(tables.with_patients(own, cohort.results.patients).assign(cohort=cohort.name))
    return pd.concat(parts, ignore_index=True)


def cohort_table(scores: pd.DataFrame, *, baseline: str) -> pd.DataFrame:
    """Describe and compare cohorts, structure by structure.

    Args:
        scores: As ``cohort_scores`` returns them.
        baseline: Name of the cohort with which the others are compared.

    Returns:
        One row per structure and cohort: ``label, cohort, reference``, ``n, mean, sd, median, q1, q3`` over cases, and
        for cohorts other than the baseline the columns of ``ctbench.statistics.cohort_tests`` after ``n``.
    """
    described = describe(scores, by=("label", "cohort", "dataset", "reference"))
    shown = described[["label", "cohort", "reference", "n", "mean", "sd", "median", "q1", "q3"]]
    tests = cohort_tests(scores, baseline=baseline).drop(columns=["n", "n_baseline"])
    table = shown.merge(tests, on=["label", "cohort"], how="left")
    texts = ["higher", "better", "better_regression", "reason"]
    table[texts] = table[texts].fillna("")
    table["structure_order"] = table["label"].map({name: i for i, name in enumerate(scores["label"].unique())})
    return table.sort_values("structure_order", kind="stable", ignore_index=True).drop(columns="structure_order")


def printed_overall(table: pd.DataFrame) -> pd.DataFrame:
    """Return the overall rows as Cai et al. print them: the mean of the structures' means and the mean of their SDs.

    Args:
        table: As ``cohort_table`` returns it.

    Returns:
        Columns ``label`` (``PRINTED_OVERALL``), ``cohort, reference, mean, sd``; a row for each cohort.
    """
    single = table[table["label"] != OVERALL]
    means = single.groupby(["cohort", "reference"], sort=False)[["mean", "sd"]].mean().reset_index()
    return means.assign(label=PRINTED_OVERALL)[["label", "cohort", "reference", "mean", "sd"]]


def cohort_boxes(scores: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return box plots as numbers, with an asterisk at the better cohort by the paper's regression (p < .05).

    Args:
        scores: As ``cohort_scores`` returns them.
        table: As ``cohort_table`` returns it.

    Returns:
        The columns of ``box_table`` by label and cohort, the cohort as ``rater``, and ``mark``.
    """
    boxes = box_table(scores[scores["label"] != OVERALL], by=("label", "cohort"))
    better = set(zip(table["label"], table["better_regression"], strict=True))
    marks = ["*" if pair in better else "" for pair in zip(boxes["label"], boxes["cohort"], strict=True)]
    return boxes.assign(mark=marks).rename(columns={"cohort": "rater"})


def _shared(names: Sequence[Sequence[str]]) -> tuple[str, ...]:
    first, *others = names
    return tuple(name for name in first if all(name in other for other in others))
