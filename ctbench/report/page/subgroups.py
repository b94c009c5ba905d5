"""Where models fail: the share of low Dice values, by structure and by subgroup of cases."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.subgroups import LOW_DICE, dice_scores, low_table, subgroup_columns, subgroup_table
from ctbench.report.page.cells import count_cell, model_fold, number_cell
from ctbench.report.page.markup import Cell, Column, Html, details, how_to_read, join, table
from ctbench.report.wording import interval, percent
from ctbench.statistics import OVERALL, failures

__all__ = ["low_scores"]


def low_scores(
    results: ComparableRuns,
    dataset: Dataset | None = None,
    below: float = LOW_DICE,
    focus: Collection[str] = (),
) -> Html:
    """Count the cases with a low Dice of each model, by structure and, where the dataset is at hand, by subgroup.

    Args:
        results: Runs on one dataset.
        dataset: The dataset, which knows the subgroups.
        below: A Dice below it is a failure.
        focus: Names of the models whose tables are not folded away.
    """
    how = (
        f"How often the Dice against {results.common} is below {below:g}: a failure, however good the mean is. A "
        "failed or missing prediction and a structure drawn where there is none are at 0 and count; a case in which "
        "both masks are empty has no Dice and does not. Small subgroups have wide intervals (95 %, Wilson)."
    )
    parts = [how_to_read(how)]
    for model in results.models:
        by_label = low_table(results, model, below)
        shown = by_label if len(results.compared(model)) > 1 else by_label.head(1)
        own = [_table(shown.assign(group=shown["label"]), "Structure", "All cases")]
        scores = dice_scores(results, model)
        whole = scores[scores["label"] == OVERALL]
        groups = subgroup_table(dataset, results.cases)
        own += [_by_subgroup(whole, groups, column, below) for column in subgroup_columns(groups)]
        parts.append(model_fold(results, model, *own, focus=focus))
    return join(parts)


def _by_subgroup(scores: pd.DataFrame, groups: pd.DataFrame, column: str, below: float) -> Html:
    title = column.replace("_", " ")
    named = scores.assign(group=scores["case"].map(groups[column]))
    counted = failures(named, below=below, by=("group", "rater")).sort_values("group", kind="stable")
    return details(f"By {title}", _table(counted, title.capitalize(), "The overall Dice of the cases of each subgroup"))


def _table(counted: pd.DataFrame, head: str, caption: str) -> Html:
    columns = [
        Column.text(head),
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
            Cell.text(str(row["group"]), "overall" if row["group"] == OVERALL else ""),
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
