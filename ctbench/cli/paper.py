"""`ctbench paper`: write the tables and figures of one of the five papers from some runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson, Catalog
from ctbench.cli.output import note, print_frame, show_progress
from ctbench.errors import UsageError
from ctbench.suggestions import suggestion

__all__ = ["paper"]


def paper(
    name: Annotated[
        str,
        typer.Argument(
            metavar="PAPER", help="Whose tables and figures: cai2020, chang2018, sharrock2020, wachinger2018, zhao2022."
        ),
    ],
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, on one dataset or several.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Where to. [default: a folder named as the paper]")
    ] = None,
    catalog: Catalog = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Write every table and figure of a paper, in its own form, from runs on any data that has what they need.

    The folder holds a page (`index.html`), a CSV for each table, `tables.tex`, and the figures as SVG and PDF. Where
    the runs lack what a table or figure needs, one sentence says what is missing.

    Example: `ctbench paper cai2020 runs/phantom-anatomy/* --out cai`
    """
    from ctbench.cli.report import datasets_of
    from ctbench.report.papers import PAPERS, write_paper
    from ctbench.report.papers.part import Material
    from ctbench.runs import open_run

    if name not in PAPERS:
        msg = f"unknown paper {name!r}; {suggestion(name, PAPERS, otherwise='expected one of')}"
        raise UsageError(msg)
    opened = [open_run(folder) for folder in runs]
    material = Material.of(opened, datasets_of(opened, catalog))
    folder = out or Path(name)
    made = write_paper(
        f"The tables and figures of {name}",
        PAPERS[name],
        material,
        folder,
        command=" ".join(["ctbench paper", name, *map(str, runs)]),
        progress=show_progress,
    )
    print_frame(made, as_json=as_json, as_csv=as_csv)
    note(f"page: {folder / 'index.html'}")
