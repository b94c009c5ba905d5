"""Confusion matrices of the models, in percent of each structure."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.errors import UsageError
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.confusion import confusion_table
from ctbench.report.page.cells import shaded_cell
from ctbench.report.page.markup import Cell, Column, Html, details, how_to_read, join, paragraph, table
from ctbench.report.wording import shortened
from ctbench.runs import Run

__all__ = ["confusions"]


def confusions(results: ComparableRuns, dataset: Dataset) -> Html:
    """Return the confusion matrix of each model in percent (Cai's Figure 3)."""
    how = (
        f"How the voxels of each structure of {results.common} were called, in percent of that structure, over all "
        "cases with a prediction. Voxels that do not count are left out. The darker, the more."
    )
    parts = [how_to_read(how)]
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
        Column.text("In the reference"),
        *(Column(shortened(name), group="called") for name in names),
    ]
    shares = percent.loc[names, names].to_numpy(float)
    rows = [
        [Cell.text(name), *(shaded_cell(value, "%", value / 100) for value in row)]
        for name, row in zip(names, shares.tolist(), strict=True)
    ]
    return table(columns, rows, f"In percent, each row adds up to 100; n = {counted['cases'].iloc[0]} cases")
