"""`ctbench audit`: recompute the tables that the papers print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson
from ctbench.cli.output import note, print_frame

__all__ = ["audit"]

_WHERE = ["table", "label", "rater", "quantity"]


def audit(
    dataset: Annotated[
        str | None, typer.Argument(metavar="DATASET", help="Dataset whose paper is audited. [default: all papers]")
    ] = None,
    claim: Annotated[
        tuple[float, float, float, float, int] | None,
        typer.Option(
            "--claim",
            metavar="MEAN SD MEAN SD N",
            help="Instead: how probable is it that the better of two printed means is not the better method? "
            "By the correlation of their values over the N cases, which papers do not print.",
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write an HTML page.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Recompute the papers' tables from the numbers that they print, each over its rounding interval.

    The verdict is `reproduced`, `undecidable` (within rounding) or `contradicted`. A terminal shows the findings that
    are not reproduced, with the ranges of the recomputed values if a dataset is named; `--json` and `--csv` print all.

    Example: `ctbench audit`, or `ctbench audit --claim .85 .10 .84 .10 50`
    """
    if claim is not None:
        from ctbench.statistics import false_claim

        print_frame(false_claim(*claim), as_json=as_json, as_csv=as_csv)
        return
    from ctbench.audit import audit as recompute
    from ctbench.report import build_audit

    findings = recompute(dataset)
    if html is not None:
        note(f"page: {build_audit(findings, html)}")
    if as_json or as_csv:
        print_frame(findings, as_json=as_json, as_csv=as_csv)
        return
    found = findings[findings["verdict"] != "reproduced"].drop(columns="detail")
    if dataset is None:
        where = [", ".join(filter(None, map(str, row))) for row in found[_WHERE].itertuples(index=False)]
        found = found[["paper"]].assign(finding=where, printed=found["printed"], verdict=found["verdict"])
    print_frame(found)
    if dataset is None:
        note("ranges of the recomputed values: ctbench audit DATASET")
    counts = findings["verdict"].value_counts()
    note(", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + f", n = {len(findings)}")
