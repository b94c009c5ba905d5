"""Which board is shown, and what was read and computed of it, kept until the board changes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import streamlit as st

from ctbench.boards import Board, board_stamp, open_board

__all__ = ["BOARD_VARIABLE", "board", "cached", "catalogs", "stamp", "where"]

BOARD_VARIABLE = "CTBENCH_BOARD"
_DEMO = "demo"
_CATALOG = "--catalog="

P = ParamSpec("P")
R = TypeVar("R")


def where() -> str:
    """Name the board: what the command line names, the environment variable ``CTBENCH_BOARD``, or the demo's folder."""
    given = [word for word in _arguments() if not word.startswith(_CATALOG)]
    return (given or [os.environ.get(BOARD_VARIABLE) or _DEMO])[0]


def catalogs() -> tuple[str, ...]:
    """Name the YAML files of datasets that the command line gives with ``--catalog=FILE``."""
    return tuple(word.removeprefix(_CATALOG) for word in _arguments() if word.startswith(_CATALOG))


def _arguments() -> list[str]:
    return sys.argv[1:] if sys.argv and sys.argv[0].endswith("app.py") else []


def board() -> Board:
    """Open the board, anew if it has changed."""
    return _opened(where(), stamp())


def stamp() -> str:
    """Give what changes when the board does; looked up every few seconds."""
    return _stamp(where())


@st.cache_resource(ttl=5, show_spinner=False)
def _stamp(path: str) -> str:
    return board_stamp(path)


@st.cache_resource(max_entries=2, show_spinner="Opening the board")
def _opened(path: str, _stamp: str) -> Board:
    return open_board(path)


def cached(entries: int = 16) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep what a function gives, for all visitors, until others push it out; nobody may change it.

    Args:
        entries: the most that are kept. The function's first argument is ``stamp()``, which makes what was kept of the
            board of yesterday useless; arguments whose names begin with an underscore are not part of the key.
    """
    return st.cache_resource(max_entries=entries, show_spinner="Computing")
