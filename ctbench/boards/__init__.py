"""Boards: folders of submitted runs, with derived tables from which a page opens at once."""

from __future__ import annotations

from ctbench.boards.board import Board, board_of, board_stamp, open_board, rebuild, submit, withdraw
from ctbench.boards.grid import Grid

__all__ = ["Board", "Grid", "board_of", "board_stamp", "open_board", "rebuild", "submit", "withdraw"]
