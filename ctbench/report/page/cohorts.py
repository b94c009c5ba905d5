"""One model on several datasets: table with tests, and box plots (Cai et al. 2020, Table 4 and Figure 6)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ctbench.report import explanations
from ctbench.report.drawings.colours import MODEL_COLOURS
from ctbench.report.drawings.structure_charts import box_chart
from ctbench.report.frames.cohorts import Cohort, cohort_boxes, cohort_scores, cohort_table, shared_models
from ctbench.report.page.cells import captioned, mean_cell, number_cell
from ctbench.report.page.markup import Cell, Column, Html, element, join, paragraph, table
from ctbench.report.page.page_figures import NamedFigure
from ctbench.report.wording import MISSING, interval, metric_heading, p_value, unit_title
from ctbench.statistics import OVERALL

__all__ = ["cohort_comparisons", "cohort_figure"]


def cohort_comparisons(cohorts: Sequence[Cohort], metric: str = "dice") -> Html:
    """Compare each model that was scored on all cohorts; the first cohort is the baseline."""
    parts: list[object] = [paragraph(explanations.COHORTS, kind="how")]
    for model in shared_models(cohorts):
        scores = cohort_scores(cohorts, model, metric)
        compared = cohort_table(scores, baseline=cohorts[0].name)
        figure = cohort_figure(scores, compared, model)
        parts += [
            element("h4", model),
            _table(compared, metric, scores["unit"].iloc[0], model),
            captioned(figure.svg, f"{explanations.BOXES} {figure.description}."),
        ]
    return join(parts)


def cohort_figure(scores: pd.DataFrame, compared: pd.DataFrame, model: str) -> NamedFigure:
    """Return the box plots of one model on cohorts.

    Args:
        scores: As ``cohort_scores`` returns them.
        compared: As ``cohort_table`` returns it.
        model: Name of the model.
    """
    boxes = cohort_boxes(scores, compared)
    names = list(compared["cohort"].unique())
    metric, unit = scores["metric"].iloc[0], scores["unit"].iloc[0]
    chart = box_chart(
        boxes,
        structures=[name for name in compared["label"].unique() if name != OVERALL],
        palette={name: MODEL_COLOURS[index % len(MODEL_COLOURS)] for index, name in enumerate(names)},
        metric=metric,
        unit=unit,
    )
    what = f"{metric_heading(metric, unit)} of {model} on {', '.join(names)}; asterisks as in the table"
    return NamedFigure(chart, f"cohorts-{model}-{metric}", what)


def _table(compared: pd.DataFrame, metric: str, unit: str, model: str) -> Html:
    columns = [
        Column.text("Structure"),
        Column.text("Cohort"),
        Column("n", hint="cases with a value"),
        Column("Mean ± SD", unit_title(unit)),
        Column("Difference", unit_title(unit), hint="cohort minus the first cohort"),
        Column("95 % interval", unit_title(unit), hint="Welch"),
        Column("P", hint="Welch's test"),
        Column("P Holm", hint="Welch's test, adjusted over the structures"),
        Column("P regression", hint="categorical regression, the paper's test"),
        Column.text("Note"),
    ]
    marked = set(zip(compared["label"], compared["better_regression"], strict=True))
    rows = [
        [
            Cell(row["label"], kind="overall" if row["label"] == OVERALL else ""),
            Cell.text(row["cohort"]),
            Cell(str(row["n"]), row["n"]),
            mean_cell(row["mean"], row["sd"], unit, mark="*" if (row["label"], row["cohort"]) in marked else ""),
            number_cell(row["difference"], unit),
            Cell(interval(row["low"], row["high"], unit), row["low"]),
            *(Cell(p_value(row[name]), row[name]) for name in ("p", "p_holm", "p_regression")),
            Cell(row["reason"] or MISSING),
        ]
        for row in compared.to_dict("records")
    ]
    return table(columns, rows, f"{metric_heading(metric, unit)} of {model} by cohort")
