"""`ctbench submit`: verify a run and add it to a board."""

from __future__ import annotations

from typing import Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson, Catalog, DatasetOfRun, Jobs, RunFolder, dataset_of_run
from ctbench.cli.output import note, print_frame, show_progress

__all__ = ["submit"]


def submit(
    run: RunFolder,
    to: Annotated[str, typer.Option("--to", metavar="BOARD", help="Folder of the board, or a URL for fsspec.")],
    dataset: DatasetOfRun = None,
    catalog: Catalog = None,
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Verify a run and submit it to a board; submitting the same run again changes nothing.

    Example: `ctbench submit runs/phantom-hemorrhage/threshold --to board`
    """
    import pandas as pd

    from ctbench.boards import submit as submit_run
    from ctbench.runs import Execution, open_run
    from ctbench.runs import verify as verify_run

    opened = open_run(run)
    loaded = dataset_of_run(opened, dataset, catalog)
    execution = Execution(jobs=jobs, cached=False, progress=show_progress)
    moved = verify_run(opened, loaded, execution=execution)
    if len(moved):
        print_frame(moved, as_json=as_json, as_csv=as_csv)
        note(f"ctbench: {len(moved)} values changed in {run}; it was not submitted")
        raise typer.Exit(1)
    digest, new = submit_run(opened, to)
    row = {"run": digest, "board": to, "result": "added" if new else "there already"}
    print_frame(pd.DataFrame([row]), as_json=as_json, as_csv=as_csv)
