"""`ctbench board`: score the runs of a board again, rebuild its tables, and export them as CSV and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ctbench.cli.options import AsCsv, AsJson, Catalog, Jobs
from ctbench.cli.output import note, print_frame, show_progress

if TYPE_CHECKING:
    from ctbench.datasets import Dataset

__all__ = ["board_app"]

board_app = typer.Typer(help="Score the runs of a board again, rebuild its tables, export them.", no_args_is_help=True)

_Board = Annotated[str, typer.Argument(metavar="BOARD", help="Folder of the board, or a URL for fsspec.")]


@board_app.command()
def verify(
    board: _Board,
    record: Annotated[
        Path, typer.Option("--record", metavar="FILE", help="File outside of the board that keeps what was found.")
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", "-d", metavar="DATASET", help="Check the runs on this dataset, by name or YAML file. [all]"
        ),
    ] = None,
    catalog: Catalog = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="DIGEST", help="Let a flagged run count as verified. May be repeated."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also score verified runs again.")] = False,
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Score every run of a board again with your data, and keep in a file what held; exits 1 if a run does not hold.

    Runs whose predictions are copies of a reader, of the reference or of an earlier run are flagged. The pages of
    `ctbench leaderboard BOARD --verified FILE` say which runs are verified.

    Example: `ctbench board verify board --record verified.json --catalog my_data.yaml`
    """
    from ctbench.boards import read_record, verify_board
    from ctbench.boards.record import expect_outside
    from ctbench.boards.storage import Place
    from ctbench.datasets import find_named, load_dataset, load_entry
    from ctbench.runs import Execution

    expect_outside(record, Place.of(board))
    only = load_dataset(dataset, catalog=catalog) if dataset else None
    loaded: dict[str, Dataset] = {} if only is None else {only.name: only}

    def find(name: str) -> Dataset | None:
        if name not in loaded and only is None:
            loaded[name] = load_entry(find_named(name, catalog))
        return loaded.get(name)

    whole, found = verify_board(
        board,
        read_record(record),
        find,
        accept=accept or (),
        again=again,
        execution=Execution(jobs=jobs, cached=False, progress=show_progress),
        keep=lambda known: known.write(record),
    )
    print_frame(found, as_json=as_json, as_csv=as_csv)
    held = sum(whole.holds(digest) for digest in found["run"])
    note(f"ctbench: {held} of {len(found)} runs are verified; record: {record}")
    if held < len(found):
        raise typer.Exit(1)


@board_app.command()
def rebuild(board: _Board, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Make the tables of a board anew from its runs, and check all digests of each; exits 1 if one is wrong.

    Example: `ctbench board rebuild board`
    """
    from ctbench.boards import rebuild as rebuild_board

    runs = rebuild_board(board).runs
    broken = runs.loc[runs["problem"] != "", ["run", "problem"]]
    if len(broken) or as_json or as_csv:
        print_frame(broken, as_json=as_json, as_csv=as_csv)
    note(f"ctbench: {board} has {len(runs)} runs, of which {len(broken)} cannot be shown")
    if len(broken):
        raise typer.Exit(1)


@board_app.command("export")
def export(
    board: Annotated[
        str, typer.Argument(metavar="BOARD", help="Folder or URL of a board, a folder of runs, or the folder of a run.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder to write.")],
    table_format: Annotated[
        Literal["csv", "parquet", "both"], typer.Option("--format", help="Format of the tables.")
    ] = "both",
    verified: Annotated[
        Path | None, typer.Option("--verified", metavar="FILE", help="The owner's record, for the column checked.")
    ] = None,
) -> None:
    """Write runs and scores as CSV and Parquet, with a data dictionary: columns.csv.

    Example: `ctbench board export runs/phantom-hemorrhage --out tables`
    """
    from ctbench.boards import export_board, open_board

    opened = open_board(board, verified)
    written = export_board(opened, out, ["csv", "parquet"] if table_format == "both" else [table_format])
    note(f"{len(opened.runs)} runs: {', '.join(map(str, written))}")
