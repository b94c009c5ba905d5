"""`ctbench withdraw`: take a submitted run off a board."""

from __future__ import annotations

from typing import Annotated

import typer

from ctbench.cli.output import note

__all__ = ["withdraw"]


def withdraw(
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="Digest of the run, as `ctbench submit` printed it.")],
    board: Annotated[str, typer.Option("--from", metavar="BOARD", help="Folder of the board, or a URL for fsspec.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason that the tombstone shows.")] = "",
) -> None:
    """Withdraw a run from a board: its files are deleted, a tombstone stays, and it cannot be submitted again.

    Example: `ctbench withdraw 4f1c...e2 --from board --reason "trained on the test cases"`
    """
    from ctbench.boards import withdraw as withdraw_run

    withdraw_run(digest, board, reason)
    note(f"withdrawn: {digest}")
