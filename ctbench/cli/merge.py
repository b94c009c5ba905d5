"""`ctbench merge`: join the shards of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson
from ctbench.cli.output import print_summary

__all__ = ["merge"]


def merge(
    shards: Annotated[list[Path], typer.Argument(metavar="SHARD...", help="Folders of all shards of a run.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of the merged run.")],
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Merge the shards made by `ctbench run --shard` into one run, equal to a run of all cases on one machine.

    Example: `ctbench merge runs/big.shard-*-of-16 --out runs/big`
    """
    from ctbench.runs import merge as merge_runs
    from ctbench.runs import open_run

    merged = merge_runs([open_run(folder) for folder in shards], out)
    print_summary([merged], as_json=as_json, as_csv=as_csv)
