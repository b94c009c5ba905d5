"""Readings: what one reader drew once in one case; sessions (repeats), conditions, and the table of readings."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ctbench.annotations import MaskFiles
from ctbench.datasets.casetable import records
from ctbench.datasets.patterns import is_safe_name
from ctbench.errors import DatasetError

__all__ = ["Reading", "ReadingRow", "in_order", "read_readings_table", "session_key"]

_COLUMNS = ("case", "reader", "session", "condition", "seconds", "order", "file")


@dataclass(frozen=True)
class Reading:
    """A reader's label map of a case, drawn in one session under one condition.

    Args:
        reader: Name of the reader.
        mask: File or files of the label map.
        session: Name of the session; empty if the dataset has no sessions.
        condition: Name of the condition, e.g. ``unaided``; empty if the dataset has no conditions.
        seconds: Time that the reading took, in seconds; None if unknown.
        order: Position of the reading among all readings of this reader, from 1; None if unknown.
    """

    reader: str
    mask: MaskFiles
    session: str = ""
    condition: str = ""
    seconds: float | None = None
    order: int | None = None

    def __str__(self) -> str:
        """Return the reader with session and condition, e.g. ``reader 'anna', session '2', condition 'aided'``."""
        named = (("reader", self.reader), ("session", self.session), ("condition", self.condition))
        return ", ".join(f"{name} {value!r}" for name, value in named if value)


@dataclass(frozen=True)
class ReadingRow:
    """One row of the table of readings.

    Args:
        case: Id of the case.
        reader: Name of the reader.
        session: Name of the session; empty if there is none.
        condition: Name of the condition; empty if there is none.
        seconds: Time that the reading took, in seconds; None if unknown.
        order: Position of the reading among all readings of this reader, from 1; None if unknown.
        file: Path of the label map relative to the dataset's root; None: the pattern of the readers finds it.
    """

    case: str
    reader: str
    session: str = ""
    condition: str = ""
    seconds: float | None = None
    order: int | None = None
    file: str | None = None


def session_key(session: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key by which session 2 comes before session 10.

    >>> sorted(["s10", "s2", "s1"], key=session_key)
    ['s1', 's2', 's10']
    """
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", session) if part)


def in_order(readings: Iterable[Reading], conditions: tuple[str, ...]) -> tuple[Reading, ...]:
    """Return readings sorted by condition, as the dataset lists them, and by session."""
    places = {name: place for place, name in enumerate(conditions)}
    return tuple(sorted(readings, key=lambda one: (places.get(one.condition, len(places)), session_key(one.session))))


def read_readings_table(path: Path, conditions: tuple[str, ...] = ()) -> dict[tuple[str, str, str, str], ReadingRow]:
    """Read the table of readings, a CSV file with one row per reading.

    The columns ``case`` and ``reader`` are required; ``session``, ``condition``, ``seconds``, ``order`` and ``file``
    are optional, and an empty cell is unknown.

    Args:
        path: A CSV file with a header, UTF-8.
        conditions: Names that the column ``condition`` may hold.

    Returns:
        (case, reader, session, condition) -> row, in the order of the table.

    Raises:
        DatasetError: The table is invalid; the message contains file and line.
    """
    rows: dict[tuple[str, str, str, str], ReadingRow] = {}
    for line, cells in records(path, needed=("case", "reader"), what="table of readings"):
        row = _row(cells, f"{path}, line {line}", conditions)
        key = (row.case, row.reader, row.session, row.condition)
        if key in rows:
            msg = f"{path}, line {line}: this reading of case {row.case!r} by {row.reader!r} has a row already; number "
            msg += "repeats in the column 'session'"
            raise DatasetError(msg)
        rows[key] = row
    return rows


def _row(cells: Mapping[str, str], where: str, conditions: tuple[str, ...]) -> ReadingRow:
    unknown = [name for name in cells if name not in _COLUMNS]
    if unknown:
        msg = f"{where}: the table of readings has no column {unknown[0]!r}; expected {', '.join(_COLUMNS)}"
        raise DatasetError(msg)
    session, condition = cells.get("session", ""), cells.get("condition", "")
    for name in (cells["case"], cells["reader"], *filter(None, (session, condition))):
        if not is_safe_name(name):
            msg = f"{where}: the name {name!r} cannot stand in a path; use letters, digits, '-', '_' and '.'"
            raise DatasetError(msg)
    if condition and condition not in conditions:
        msg = f"{where}: the condition {condition!r} is unknown; list it in the YAML, e.g. conditions: "
        msg += f"[{', '.join((*conditions, condition))}]"
        raise DatasetError(msg)
    seconds = _number(cells.get("seconds", ""), f"{where}: seconds")
    order = _number(cells.get("order", ""), f"{where}: order")
    if order is not None and (order < 1 or order != int(order)):
        msg = f"{where}: order is {order:g}; expected 1, 2, 3, ..."
        raise DatasetError(msg)
    file = cells.get("file") or None
    if file is not None and (Path(file).is_absolute() or ".." in Path(file).parts):
        msg = f"{where}: the file {file!r} must be relative to the dataset's root and stay below it"
        raise DatasetError(msg)
    return ReadingRow(
        cells["case"], cells["reader"], session, condition, seconds, None if order is None else int(order), file
    )


def _number(cell: str, where: str) -> float | None:
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        msg = f"{where} is {cell!r}; expected a number from 0, or nothing"
        raise DatasetError(msg)
    return value
