"""`ctbench lock`: write the expected results of a run, for `ctbench verify --lock`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson, RunFolder
from ctbench.cli.output import note, print_frame

__all__ = ["lock"]


def lock(
    run: RunFolder,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.")] = Path("ctbench.lock"),
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="METRIC", help="Keep this metric. May be repeated. [default: main metrics]"),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Write the expected results of a run into a small text file, to be committed beside a model.

    Example: `ctbench lock runs/phantom-hemorrhage/threshold --out ctbench.lock`
    """
    import pandas as pd

    from ctbench.files import write_text
    from ctbench.runs import lock as lock_run
    from ctbench.runs import open_run

    locked = lock_run(open_run(run), metric)
    write_text(out, locked.to_text())
    rows = [one.model_dump() for one in locked.results]
    columns = ["rater", "label", "metric", "n", "mean"]
    print_frame(pd.DataFrame(rows, columns=columns), as_json=as_json, as_csv=as_csv)
    note(f"lock: {out}")
