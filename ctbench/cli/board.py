"""`ctbench board`: rebuild the tables of a board from its runs."""

from __future__ import annotations

from typing import Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson
from ctbench.cli.output import note, print_frame

__all__ = ["board_app"]

board_app = typer.Typer(help="For the owner of a board: rebuild its tables.", no_args_is_help=True)

_Board = Annotated[str, typer.Argument(metavar="BOARD", help="Folder of the board, or a URL for fsspec.")]


@board_app.callback()
def _board() -> None:
    """Group the commands of this module, also while there is one only."""


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
