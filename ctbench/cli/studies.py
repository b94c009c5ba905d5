"""``ctbench audit``: what the papers print, worked out again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.output import AsCsv, AsJson, note, print_frame

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(audit)


def audit(
    dataset: Annotated[
        str | None, typer.Argument(metavar="DATASET", help="The dataset whose paper to audit; default: all papers.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write a page.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Recompute the papers' tables from what else they print, with every figure over its rounding interval.

    A verdict is `reproduced`, `undecidable` (within the rounding) or `contradicted`. On a terminal only what is not
    reproduced is listed; `--json` and `--csv` give all.

    Example: `ctbench audit`
    """
    from ctbench.audit import audit as recompute
    from ctbench.report import build_audit

    findings = recompute(dataset)
    if html is not None:
        note(f"page: {build_audit(findings, html)}")
    if as_json or as_csv:
        print_frame(findings, as_json=as_json, as_csv=as_csv)
        return
    print_frame(findings[findings["verdict"] != "reproduced"].drop(columns="detail"))
    counts = findings["verdict"].value_counts()
    note(", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + f", n = {len(findings)}")
