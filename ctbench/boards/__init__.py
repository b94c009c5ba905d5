"""Boards: folders of submitted runs, with derived tables from which a page opens at once."""

from __future__ import annotations

from ctbench.boards.board import CHECKED, Board, board_of, board_stamp, open_board
from ctbench.boards.exporting import export_board
from ctbench.boards.grid import Grid
from ctbench.boards.record import Record, read_record
from ctbench.boards.submissions import rebuild, submit, withdraw
from ctbench.boards.verification import verify_board

__all__ = [
    "CHECKED",
    "Board",
    "Grid",
    "Record",
    "board_of",
    "board_stamp",
    "export_board",
    "open_board",
    "read_record",
    "rebuild",
    "submit",
    "verify_board",
    "withdraw",
]
