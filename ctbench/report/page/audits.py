"""A page on the papers' own tables: what follows from the other figures, and what does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.files import write_text
from ctbench.report import explanations
from ctbench.report.frames.audits import VERDICTS
from ctbench.report.page.cells import count_cell
from ctbench.report.page.layout import Section, page
from ctbench.report.page.markup import Cell, Column, Html, details, element, join, paragraph, table
from ctbench.report.wording import MISSING, p_value, span

__all__ = ["build_audit"]


def build_audit(findings: pd.DataFrame, path: str | PathLike[str]) -> Path:
    """Write one self-contained page about an audit; the same findings give the same bytes.

    Args:
        findings: Findings of ``ctbench.audit.audit``.
        path: Path of the page.

    Returns:
        ``path``.

    Raises:
        StoreError: the page cannot be written.
    """
    lead = paragraph(explanations.AUDIT)
    parts = [Section("count", "At a glance", _counts(findings))]
    parts += [
        Section(f"paper{index}", str(paper), _paper(own))
        for index, (paper, own) in enumerate(findings.groupby("paper", sort=False))
    ]
    write_text(path, page("Do the papers' tables agree with themselves?", lead, parts, version("ctbench")))
    return Path(path)


def _counts(findings: pd.DataFrame) -> Html:
    columns = [Column.text("Paper"), Column.text("Table"), Column("n"), *map(Column, VERDICTS)]
    rows = [
        [
            Cell.text(str(paper)),
            Cell.text(str(where)),
            count_cell(len(own)),
            *(count_cell(own["verdict"].eq(verdict).sum(), quiet=True) for verdict in VERDICTS),
        ]
        for (paper, where), own in findings.groupby(["paper", "table"], sort=False)
    ]
    return table(columns, rows, "How many printed figures and claims were worked out again, and what came of them")


def _paper(findings: pd.DataFrame) -> Html:
    parts = []
    for verdict in reversed(VERDICTS):
        own = findings[findings["verdict"] == verdict]
        if len(own):
            shown = _table(own, f"{verdict.capitalize()}, n = {len(own)}")
            parts.append(shown if verdict == "contradicted" else details(f"{verdict.capitalize()} ({len(own)})", shown))
    return join(parts)


def _table(findings: pd.DataFrame, caption: str) -> Html:
    columns = [
        *(Column.text(title) for title in ("Table", "Of what", "Quantity", "Printed")),
        Column("What follows", hint="smallest to largest"),
        Column("P", hint="smallest to largest"),
        Column.text("How"),
    ]
    rows: list[Sequence[Cell]] = [
        [
            Cell.text(row["table"]),
            Cell(join((row["rater"], element("small", row["label"], class_="line") if row["label"] else None))),
            Cell.text(row["quantity"], "long"),
            Cell(row["printed"] or "none", row["printed"]),
            _range(row, "value", lambda number: f"{number:.4g}".replace("-", "−")),
            _range(row, "p", p_value),
            Cell.text(row["detail"], "long"),
        ]
        for row in findings.to_dict("records")
    ]
    return table(columns, rows, caption)


def _range(row: dict[Any, Any], name: str, written: Callable[[float], str]) -> Cell:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if math.isnan(low):
        return Cell(MISSING)
    return Cell(span(written(low), written(high)), low)
