"""Where models fail: the share of low Dice values, by structure and by subgroup of cases."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.report.frames import tables
from ctbench.report.frames.results import Results
from ctbench.report.page.cells import count_cell, number_cell
from ctbench.report.page.markup import Cell, Column, Html, details, element, join, paragraph, table
from ctbench.report.wording import interval, percent
from ctbench.statistics import OVERALL, failures

__all__ = ["LOW_DICE", "can_fail", "low_scores", "low_table", "subgroup_columns", "subgroup_table"]

LOW_DICE = 0.5
"""Below it a Dice is a failure, as in Sharrock et al. 2020, unless another limit is chosen."""

_METRIC = "dice"
_MOST = 8
_UNKNOWN = "not stated"


def can_fail(results: Results) -> bool:
    """Say whether there are models and Dice."""
    return bool(results.models) and _METRIC in results.metrics


def subgroup_table(dataset: Dataset | None, cases: Sequence[str]) -> pd.DataFrame:
    """Give the subgroups of cases: a row for each case, a column for each column of the case table."""
    rows = {case.id: dict(case.subgroups) for case in (dataset.select(cases) if dataset is not None else ())}
    return pd.DataFrame.from_dict(rows, orient="index", dtype=object).replace("", None).fillna(_UNKNOWN)


def subgroup_columns(groups: pd.DataFrame) -> list[str]:
    """Name the columns that part the cases into 2 to 8 groups; of columns that part them alike, the first."""
    parted: dict[tuple[int, ...], str] = {}
    for name in map(str, groups.columns):
        if 2 <= groups[name].nunique() <= _MOST:
            parted.setdefault(tuple(pd.factorize(groups[name])[0].tolist()), name)
    return list(parted.values())


def low_table(results: Results, model: str, below: float = LOW_DICE) -> pd.DataFrame:
    """Count the cases of a model with a low Dice against the common reference, by structure and overall.

    Returns:
        The columns of ``ctbench.statistics.failures`` by label and rater.
    """
    counted = failures(_scores(results, model), below=below)
    return tables.in_order(counted, (*results.compared(model), OVERALL))


def _scores(results: Results, model: str) -> pd.DataFrame:
    rows = results.scores[(results.scores["rater"] == model) & (results.scores["reference"] == results.common)]
    return tables.with_overall(rows, results.compared(model), results.averaged(model), _METRIC)


def low_scores(results: Results, dataset: Dataset | None = None, below: float = LOW_DICE) -> Html:
    """Count the cases with a low Dice of each model, by structure and, where the dataset is at hand, by subgroup."""
    how = (
        f"How often the Dice against {results.common} is below {below:g}: a failure, however good the mean is. A "
        "failed or missing prediction and a structure drawn where there is none are at 0 and count; a case in which "
        "both masks are empty has no Dice and does not. Small subgroups have wide intervals (95 %, Wilson)."
    )
    parts = [paragraph(how, kind="how")]
    for model in results.models:
        by_label = low_table(results, model, below)
        shown = by_label if len(results.compared(model)) > 1 else by_label.head(1)
        parts += [element("h4", model), _table(shown.assign(group=shown["label"]), "Structure", "All cases")]
        scores = _scores(results, model)
        whole = scores[scores["label"] == OVERALL]
        groups = subgroup_table(dataset, results.cases)
        parts += [_by_subgroup(whole, groups, column, below) for column in subgroup_columns(groups)]
    return join(parts)


def _by_subgroup(scores: pd.DataFrame, groups: pd.DataFrame, column: str, below: float) -> Html:
    title = column.replace("_", " ")
    named = scores.assign(group=scores["case"].map(groups[column]))
    counted = failures(named, below=below, by=("group", "rater")).sort_values("group", kind="stable")
    return details(f"By {title}", _table(counted, title.capitalize(), "The overall Dice of the cases of each subgroup"))


def _table(counted: pd.DataFrame, head: str, caption: str) -> Html:
    columns = [
        Column(head, numeric=False),
        Column("n", hint="cases with a value"),
        Column(f"Dice < {counted['below'].iloc[0]:g}", hint="cases"),
        Column("Share", "%"),
        Column("95 % interval", "%"),
        Column("Lowest Dice"),
        Column("no prediction", hint="failed or missing predictions, among the cases below the limit"),
        Column("without Dice", hint="cases without a value: not in n"),
    ]
    rows = [
        [
            Cell(str(row["group"]), str(row["group"]), "overall" if row["group"] == OVERALL else ""),
            count_cell(row["n"]),
            count_cell(row["failures"], quiet=True),
            Cell(percent(row["share"]).removesuffix(" %"), row["share"]),
            Cell(interval(100 * row["low"], 100 * row["high"], "%"), row["low"]),
            number_cell(row["minimum"], "1"),
            count_cell(row["failed"], quiet=True),
            count_cell(row["rows_left_out"], quiet=True),
        ]
        for row in counted.to_dict("records")
    ]
    return table(columns, rows, caption)
