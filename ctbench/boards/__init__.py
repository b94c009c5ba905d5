"""Boards: folders of submitted runs, with derived tables from which a page opens at once."""

from __future__ import annotations

from ctbench.boards.board import Board, board_of, board_stamp, open_board
from ctbench.boards.grid import Grid
from ctbench.boards.submissions import rebuild, submit, withdraw

__all__ = ["Board", "Grid", "board_of", "board_stamp", "open_board", "rebuild", "submit", "withdraw"]
