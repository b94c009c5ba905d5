"""Overall means of all raters of a dataset: a figure and a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.rankings import can_rank
from ctbench.report.frames.summaries import summary
from ctbench.report.page.cells import (
    CONTRIBUTE,
    calls_cells,
    calls_columns,
    captioned,
    count_cell,
    mean_cell,
    rater_cell,
)
from ctbench.report.page.markup import Cell, Column, Html, details, element, join, paragraph, table
from ctbench.report.page.page_figures import overall_means
from ctbench.report.wording import fixed, metric_title, unit_title
from ctbench.scores import without

__all__ = ["at_a_glance"]


def at_a_glance(results: ComparableRuns) -> Html:
    """Return the overall scores of all raters as a figure and a table, one set for each scope."""
    return join(_scope(results, over, models) for over, models in results.scopes.items())


def _scope(results: ComparableRuns, over: Sequence[str], models: Sequence[str]) -> Html:
    fair = summary(results, over, models, reference=results.fair, metrics=results.chief_metrics)
    parts = [
        element("h4", results.scope_title(over)),
        captioned(
            overall_means(results, over, fair).svg,
            f"{explanations.MEANS} "
            + (f"{explanations.READER_BAND} " if results.leave_one_out else "")
            + ("" if can_rank(results) else explanations.POSITIVES),
        ),
        _summary_table(fair, results, f"Overall scores, {_reference(results.fair, results)}"),
    ]
    if results.leave_one_out:
        common = summary(results, over, models, reference=results.common, metrics=results.chief_metrics)
        parts += [
            details(
                f"The same against {results.common}, the reference of all readers",
                paragraph(CONTRIBUTE, " Quote these figures for a model; do not compare them with the readers'."),
                _summary_table(common, results, f"Overall scores against {results.common}"),
            )
        ]
    return join(parts)


def _reference(reference: str, results: ComparableRuns) -> str:
    if reference != tables.LEAVE_ONE_OUT:
        return f"against {reference}"
    return f"against the references {without(results.common, 'k')}: each reader is left out of its own reference"


def _summary_table(means: pd.DataFrame, results: ComparableRuns, caption: str) -> Html:
    metrics = list(means["metric"].unique())
    units = means.drop_duplicates("metric").set_index("metric")["unit"]
    columns = [
        Column.text("Rater"),
        Column("n", hint="cases that count in the mean of the first metric: their reference holds a structure"),
    ]
    columns += [Column(metric_title(metric), unit_title(units[metric]), hint="mean ± SD, median") for metric in metrics]
    told = None if (means["negatives"] > 0).any() else 1  # without negatives there are misses only
    columns += [*calls_columns()[:told], Column("failed", hint=explanations.LOST)]
    rows = []
    for (rater, kind, reference), own in means.groupby(["rater", "rater_kind", "reference"], sort=False):
        values = own.set_index("metric").to_dict("index")
        first = values[metrics[0]]
        cells = [rater_cell(str(rater), str(kind), palette(results), str(reference)), count_cell(first["n"])]
        cells += [_summarised(values[metric], first["n"]) for metric in metrics]
        rows.append([*cells, *calls_cells(first)[:told], count_cell(first["failed"], quiet=True)])
    return table(columns, rows, caption, kind="summary")


def _summarised(value: dict[Any, Any], cases: int) -> Cell:
    """Show mean ± SD over median, and how many cases they count where that is not as in the row."""
    counted = f", n = {value['n']}" if value["n"] != cases else ""
    median = element("small", f"median {fixed(value['median'], value['unit'])}{counted}", class_="line")
    return mean_cell(value["mean"], value["sd"], value["unit"], below=median)
