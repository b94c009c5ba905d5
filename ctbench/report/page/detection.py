"""Detection on the page: sensitivity, specificity, predictive values and AUC of each rater."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.frames.case_calls import RATES, STRATA, any_finding, calls, detection_rows, stratum_rows
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.strata import strata
from ctbench.report.page.cells import count_cell, interval_cell, lined_cell, rater_cell
from ctbench.report.page.markup import Cell, Column, Html, details, how_to_read, join, paragraph, table
from ctbench.report.wording import percent
from ctbench.scores import RaterKind

__all__ = ["detections"]


def detections(results: ComparableRuns, dataset: Dataset | None = None) -> Html:
    """Return detection by rater and structure, in all cases and at 50 % prevalence, and of models by stratum."""
    how = (
        f"Does a rater call the cases positive that are? {explanations.DETECTION} Balanced: what the same sensitivity "
        "and specificity give where half of the cases are positive, which makes datasets comparable."
    )
    if results.leave_one_out:
        how += f" {explanations.detection_references(results.common)}"
    found = calls(results)
    is_model = found["rater_kind"] == RaterKind.MODEL
    parts: list[Html | None] = [how_to_read(how)]
    if is_model.any():
        parts += [_both_tables(found[is_model], results, "of the models")]
        parts += [_by_stratum(found[is_model], results, dataset, column) for column in STRATA]
    if not is_model.all():
        readers = _both_tables(found[~is_model], results, "of the readers")
        parts.append(details("The readers' detection", readers) if is_model.any() else readers)
    return join(part for part in parts if part is not None)


def _both_tables(found: pd.DataFrame, results: ComparableRuns, whose: str) -> Html:
    rows: list[dict[str, Any]] = detection_rows(found).to_dict("records")  # type: ignore[assignment]  # names are strings
    balanced = [
        Column("Accuracy", "%", hint="the mean of sensitivity and specificity, with its 95 % interval"),
        Column("PPV", "%"),
        Column("NPV", "%"),
    ]
    cells = [
        [
            *_head(row, results),
            _share(row, "balanced_accuracy"),
            *(Cell(_percent(row[name]), row[name]) for name in ("balanced_ppv", "balanced_npv")),
        ]
        for row in rows
    ]
    return join(
        (
            _table(rows, results, f"Detection {whose}, all cases"),
            details("As if half of the cases were positive", table([*_HEAD, *balanced], cells, f"Balanced {whose}")),
        )
    )


_HEAD = (
    Column.text("Rater"),
    Column.text("Structure", hint="and what makes a rater's call positive"),
    Column("n", hint="cases"),
)


def _head(row: dict[str, Any], results: ComparableRuns) -> list[Cell]:
    rater = rater_cell(row["rater"], row["rater_kind"], palette(results), row["reference"])
    structure = lined_cell(row["label"], row["by"], row["label"])
    return [rater, structure, count_cell(row["n"])]


def _table(rows: list[dict[str, Any]], results: ComparableRuns, caption: str, stratum: str = "") -> Html:
    columns = [
        *_HEAD,
        *([Column.text(stratum.replace("_", " ").capitalize())] if stratum else []),
        Column("positive", hint="cases"),
        *(Column(title, "%" if name != "auc" else "", hint="with its 95 % interval") for name, title in RATES.items()),
        Column("left out", hint="cases without a score"),
    ]
    cells = [
        [
            *_head(row, results),
            *([Cell.text(str(row[stratum]))] if stratum else []),
            count_cell(row["positive"]),
            *(_share(row, name) for name in RATES),
            count_cell(row["left_out"], quiet=True),
        ]
        for row in rows
    ]
    return table(columns, cells, caption)


def _by_stratum(found: pd.DataFrame, results: ComparableRuns, dataset: Dataset | None, column: str) -> Html | None:
    found = found[found["label"].isin(any_finding(results.labels))]
    own = strata(results, dataset, results.common)
    if found.empty or own.frame.empty or (column in own.derived and own.frame[column].nunique() < 2):
        return None
    rows: list[dict[str, Any]] = stratum_rows(found, own.frame[column]).to_dict("records")  # type: ignore[assignment]  # names are strings
    shown = column.replace("_", " ")
    said = paragraph(explanations.STRATA, *([f" {own.rule}"] if column in own.derived else []), kind="how")
    return details(f"By {shown}", said, _table(rows, results, f"Detection by {shown} of the positive cases", column))


def _share(row: dict[str, Any], name: str) -> Cell:
    value, low, high = (row[name + ending] for ending in ("", "_low", "_high"))
    if name == "auc":
        return interval_cell(value, low, high)
    return interval_cell(100 * value, 100 * low, 100 * high, "%")


def _percent(share: float) -> str:
    return percent(share).removesuffix(" %")
