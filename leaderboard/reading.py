"""The current board, and the cache of all that pages read and compute."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import streamlit as st

from ctbench.boards import Board, board_stamp, open_board
from ctbench.report.frames.comparable_runs import ComparableRuns

__all__ = ["BOARD_VARIABLE", "board", "cached", "catalogs", "record", "where"]

BOARD_VARIABLE = "CTBENCH_BOARD"
_DEMO = "demo"
_CATALOG = "--catalog="
_VERIFIED = "--verified="

P = ParamSpec("P")
R = TypeVar("R")


def where() -> str:
    """Return the address of the board: from the command line, from ``CTBENCH_BOARD``, or the demo's folder."""
    given = [word for word in _arguments() if not word.startswith((_CATALOG, _VERIFIED))]
    return (given or [os.environ.get(BOARD_VARIABLE) or _DEMO])[0]


def catalogs() -> tuple[str, ...]:
    """Return the paths of the YAML files given on the command line with ``--catalog=FILE``."""
    return tuple(word.removeprefix(_CATALOG) for word in _arguments() if word.startswith(_CATALOG))


def record() -> Path | None:
    """Return the path of the owner's record, given on the command line with ``--verified=FILE``."""
    given = [word.removeprefix(_VERIFIED) for word in _arguments() if word.startswith(_VERIFIED)]
    return Path(given[-1]) if given else None


def _arguments() -> list[str]:
    return sys.argv[1:] if sys.argv and sys.argv[0].endswith("app.py") else []


class _Version(NamedTuple):
    """One state of a board."""

    path: str
    record: Path | None
    stamp: str


def board() -> Board:
    """Return the board, opened again if it has changed in the last seconds."""
    return _opened(_version(where(), record()))


@st.cache_resource(ttl=5, show_spinner=False)
def _version(path: str, record: Path | None) -> _Version:
    return _Version(path, record, board_stamp(path, record))


@st.cache_resource(max_entries=2, show_spinner="Opening the board")
def _opened(version: _Version) -> Board:
    return open_board(version.path, version.record)


def _board_key(board: Board) -> str:
    """Return a text that differs between boards and between states of one board: digests cover all files of a run."""
    known = "\n".join([str(board.place), *board.runs["run"], *board.runs["problem"], *board.runs["checked"]])
    return hashlib.sha256(known.encode()).hexdigest()


_KEYS: Mapping[str | type, Callable[[Any], Any]] = {
    Board: _board_key,
    ComparableRuns: lambda runs: (_board_key(runs.board), runs.key),
    # The module of selections imports this one.
    "leaderboard.selection.Selection": attrgetter("runs", "structure.over", "metric", "reference"),
}
"""Type of an argument -> what the cache compares instead of the whole object."""


def cached(entries: int = 16) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Cache the results of a function for all visitors; callers must not change what it returns.

    Arguments may be a ``Board``, ``ComparableRuns``, a ``Selection``, or plain values and tuples of them. When a board
    changes, its cached results are not found again.

    Args:
        entries: Maximum number of cached results; the oldest is dropped first.
    """
    return st.cache_resource(max_entries=entries, show_spinner="Computing", hash_funcs=dict(_KEYS))
