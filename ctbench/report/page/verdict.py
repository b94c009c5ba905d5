"""The verdict on top of the page: one row and one sentence for each model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.equivalence import MARGIN
from ctbench.report.frames.verdict import verdicts
from ctbench.report.page.cells import count_cell, interval_cell, lined_cell, of_cell, rater_cell
from ctbench.report.page.markup import Cell, Column, Html, element, join, paragraph, table
from ctbench.report.wording import MISSING, counted, fixed, interval, metric_title, unit_title
from ctbench.scores import RaterKind

__all__ = ["verdict"]


def verdict(results: ComparableRuns, margin: float = MARGIN, title: object = None) -> Html:
    """Show the verdict on each model of a dataset as a sentence and as a row of a table.

    Args:
        results: Runs on one dataset.
        margin: The largest difference in Dice that does not matter.
        title: Heading, where the page has several datasets.
    """
    judged = verdicts(results, margin=margin)
    parts: list[object] = [] if title is None else [element("h3", title)]
    is_model = judged["rater_kind"] == RaterKind.MODEL
    said = judged.loc[is_model if is_model.any() else ~is_model, "sentence"]
    parts.append(element("ul", *(element("li", sentence) for sentence in said), class_="verdict"))
    for structures, rows in judged.groupby("structures", sort=False):
        parts.append(_table(rows, results, f"{structures}, {_population(rows)}", margin))
    if results.readers and results.models:
        parts.append(paragraph(_how(results, margin), kind="how"))
    return join(parts)


def _population(rows: pd.DataFrame) -> str:
    return counted(rows["n"].dropna(), f"of {rows['cases'].iloc[0]} cases")


def _how(results: ComparableRuns, margin: float) -> str:
    apart = "each reader on the reference of the others" if results.leave_one_out else "on the reference of all readers"
    return (
        f"Readers reached: the model is shown not to be worse than the reader by more than {margin:g} in Dice, "
        f"{apart}. Ranks and means count the positives only. The parts below show every step."
    )


def _table(rows: pd.DataFrame, results: ComparableRuns, caption: str, margin: float) -> Html:
    metric, unit = str(rows["metric"].iloc[0]), str(rows["unit"].iloc[0])
    tested, weakest = bool(rows["reached"].notna().any()), bool(rows["weakest"].any())
    columns = [
        Column.text("Rater"),
        Column("Rank", hint="with the 95 % interval of the rank"),
        Column(metric_title(metric), unit_title(unit), hint="mean over the positives, with its 95 % interval"),
        *([Column("Readers reached", hint=f"not worse by more than {margin:g}")] if tested else []),
        Column("Missed", hint=explanations.MISSES),
        Column("False alarms", hint=explanations.FALSE_ALARMS),
        Column("Failed", hint=explanations.LOST),
        *([Column.text("Weakest structure"), Column("its mean", unit_title(unit))] if weakest else []),
    ]
    cells = [_row(row, results, unit, tested, weakest) for row in rows.to_dict("records")]
    return table(columns, cells, caption, kind="verdict")


def _row(row: dict[Any, Any], results: ComparableRuns, unit: str, tested: bool, weakest: bool) -> Sequence[Cell]:
    reached = Cell(MISSING) if pd.isna(row["reached"]) else of_cell(row["reached"], row["readers"], quiet=False)
    return [
        rater_cell(row["rater"], row["rater_kind"], palette(results)),
        lined_cell(_rank(row), _ranks(row), row["rank"]),
        interval_cell(row["mean"], row["low"], row["high"], unit),
        *([reached] if tested else []),
        of_cell(row["misses"], row["positives"]),
        of_cell(row["false_alarms"], row["negatives"]),
        count_cell(row["failed"], quiet=True),
        *([Cell(row["weakest"]), Cell(fixed(row["weakest_mean"], unit), row["weakest_mean"])] if weakest else []),
    ]


def _rank(row: dict[Any, Any]) -> str:
    return MISSING if pd.isna(row["rank"]) else f"{row['rank']:.0f} of {row['ranked']:.0f}"


def _ranks(row: dict[Any, Any]) -> str:
    return row["reason"] if pd.isna(row["rank_low"]) else interval(row["rank_low"], row["rank_high"], digits=0)
