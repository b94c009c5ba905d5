"""Results that papers printed for a dataset, beside the measured means, and why they cannot be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ctbench.report import explanations
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.published import has_published, published_rows
from ctbench.report.page.cells import number_cell
from ctbench.report.page.markup import Cell, Column, Html, how_to_read, join, table
from ctbench.report.wording import MISSING, metric_title
from ctbench.statistics import OVERALL

__all__ = ["can_show_published", "published_results"]


def can_show_published(results: ComparableRuns) -> bool:
    """Return whether a paper printed results of a metric that the runs have."""
    return has_published(results.dataset, results.metrics)


def published_results(results: ComparableRuns) -> Html:
    """List what papers printed, with the reason why a measured mean cannot be compared with it."""
    scopes: dict[str, Sequence[str]] = {name: (name,) for name in results.structures}
    if len(results.labels) > 1:
        scopes = {OVERALL: results.labels, **scopes}
    rows = [
        [Cell.text(name), Cell(metric_title(metric), metric), *_cells(row, results.unit(metric))]
        for metric in results.metrics
        for name, over in scopes.items()
        for row in _rows(results, over, metric).to_dict("records")
    ]
    columns = [
        Column.text("Structure"),
        Column.text("Metric"),
        Column.text("Rater"),
        Column("Mean"),
        Column("SD"),
        Column("Median"),
        Column("n", hint="cases, as printed"),
        Column.text("Measured means compare with it"),
    ]
    how = how_to_read(explanations.PUBLISHED)
    return join((how, table(columns, rows, "Results that papers printed for this dataset")))


def _rows(results: ComparableRuns, over: Sequence[str], metric: str) -> pd.DataFrame:
    manifest = results.manifest
    return published_rows(results.dataset, over, metric, reference=results.common, tolerance_mm=manifest.tolerance_mm)


def _cells(row: dict[Any, Any], unit: str) -> list[Cell]:
    count = Cell(MISSING) if pd.isna(row["n"]) else Cell(str(int(row["n"])), float(row["n"]))
    why = f"no: {row['incomparable']}" if row["incomparable"] else "yes, on other cases"
    numbers = [number_cell(float(row[name]), unit) for name in ("mean", "sd", "median")]
    return [Cell.text(row["rater"]), *numbers, count, Cell(why, row["incomparable"])]
