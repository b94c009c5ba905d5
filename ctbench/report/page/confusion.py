"""Confusion matrices of the models, in percent of each structure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.errors import UsageError
from ctbench.report.drawings.canvas import MODEL_COLOURS
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.confusion import confusion_table
from ctbench.report.page.markup import Cell, Column, Html, details, element, join, paragraph, table
from ctbench.report.wording import MISSING, fixed, shortened
from ctbench.runs import Run

__all__ = ["confusions"]


def confusions(results: ComparableRuns, dataset: Dataset) -> Html:
    """Return the confusion matrix of each model in percent (Cai's Figure 3)."""
    how = (
        f"How the voxels of each structure of {results.common} were called, in percent of that structure, over all "
        "cases with a prediction. Voxels that do not count are left out. The darker, the more."
    )
    parts = [paragraph(how, kind="how")]
    for model in results.models:
        over = results.averaged(model)
        if len(over) > 1:
            parts.append(details(model, _shown(results.open_run(model), dataset, over)))
    return join(parts)


def _shown(run: Run, dataset: Dataset, over: Sequence[str]) -> Html:
    try:
        return _matrix(confusion_table(run, dataset, over))
    except UsageError:
        return paragraph("No case has a prediction.")


def _matrix(counted: pd.DataFrame) -> Html:
    names = list(counted["reference"].unique())
    percent = counted.pivot_table(index="reference", columns="prediction", values="percent", dropna=False)
    columns = [
        Column("In the reference", numeric=False),
        *(Column(shortened(name), group="called") for name in names),
    ]
    rows = [[Cell(name, name), *(_shaded(percent.loc[name, called]) for called in names)] for name in names]
    return table(columns, rows, f"In percent, each row adds up to 100; n = {counted['cases'].iloc[0]} cases")


def _shaded(percent: float) -> Cell:
    """Show a percentage on a blue that deepens with it, in light and in dark."""
    if math.isnan(percent):
        return Cell(MISSING)
    shade = f"background: color-mix(in srgb, {MODEL_COLOURS[0]} {0.7 * percent:.0f}%, transparent)"
    return Cell(element("span", fixed(percent, "%"), class_="shade", style=shade), percent)
