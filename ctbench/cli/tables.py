"""Tables in a terminal: constant columns in the title, empty ones hidden, wide tables in parts, nothing folded."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any

from ctbench.numerals import p_value
from ctbench.printable import printable

__all__ = ["print_table"]

_GAP = 3
"""Blanks between two columns."""
_PROSE, _NARROWEST = 32, 18
"""A text of several words that is longer than this may be broken between words, to no less than this width."""
_PIPE_WIDTH = 200
"""Width of a table that no terminal shows, in characters."""
_TITLE = 60
"""A constant value longer than this stays a column."""
_SHORT = {
    "rater_kind": "kind",
    "both_empty": "both empty",
    "prediction_empty": "prediction empty",
    "reference_empty": "reference empty",
    "volume_difference_absolute_ml": "volume error, mL",
    "volume_difference_ml": "volume difference, mL",
    "false_ml": "false mL",
    "hd": "HD, mm",
    "hd95": "HD95, mm",
    "hd95_pooled": "pooled HD95, mm",
    "assd": "ASSD, mm",
    "masd": "MASD, mm",
    "p_holm": "P Holm",
    "p": "P",
}
"""Heads of columns whose names are long or lack a unit; the others keep their names, without underscores."""


@dataclass(frozen=True)
class _Column:
    head: str
    cells: Sequence[str]
    is_number: bool

    @property
    def is_prose(self) -> bool:
        return not self.is_number and any(len(cell) > _PROSE and " " in cell for cell in self.cells)

    @property
    def least(self) -> int:
        """The smallest width in which no number, name or word is broken."""
        words = self.head.split()
        if self.is_prose:
            words += [word for cell in self.cells for word in cell.split()]
            return max(_NARROWEST, *map(len, words))
        return max(map(len, (*words, *self.cells, "")))

    @property
    def most(self) -> int:
        """The width in which every cell is one line."""
        return max(self.least, *map(len, (*self.cells, "")))


def print_table(table: Mapping[str, Sequence[Any]], title: str = "", width: int | None = None) -> None:
    """Print a table for people on standard output.

    Columns without a value are hidden, those with one value in all rows stand in the title, and a table that is wider
    than the terminal is printed in several parts, each of which begins with the columns that name the row.

    Args:
        table: Name of a column -> its values, as many in each; a pandas frame as ``dict(frame.items())``.
        title: Heading of the table.
        width: Number of characters in a line. None: as many as the terminal has, 200 if there is none.
    """
    from rich.console import Console  # 50 ms that --help does not need
    from rich.text import Text

    console = Console(width=width or _width_of_output())
    columns = [_column(name, list(values)) for name, values in table.items()]
    columns = [column for column in columns if any(cell != "-" for cell in column.cells)] or columns
    constant, columns = _split_constant(columns)
    for line in _lines([*([printable(title)] if title else []), *constant], console.width):
        console.print(Text(line, style="bold"), no_wrap=True, crop=False, overflow="ignore")
    for part in _parts(columns, console.width):
        console.print()
        console.print(_rich_table(part, console.width))
    console.print()


def _width_of_output() -> int | None:
    """Return what COLUMNS says where no terminal shows the table; None: as many characters as the terminal has."""
    wanted = os.environ.get("COLUMNS", "")
    return None if sys.stdout.isatty() else int(wanted) if wanted.isdecimal() else _PIPE_WIDTH


def _column(name: str, values: Sequence[Any]) -> _Column:
    is_p = name == "p" or name.startswith("p_")
    head = _SHORT.get(name, printable(name).replace("_", " "))
    return _Column(head, [_text(value, is_p=is_p) for value in values], all(map(_is_number, values)))


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, Number) and not isinstance(value, bool))


def _text(value: Any, *, is_p: bool) -> str:
    if value is None or value != value:  # noqa: PLR0124  # NaN alone differs from itself
        return "-"
    if isinstance(value, float):
        return p_value(value, "-") if is_p and 0 <= value <= 1 else f"{value:z.3f}"
    return printable(" ".join(str(value).split())) or "-"


def _split_constant(columns: Sequence[_Column]) -> tuple[list[str], list[_Column]]:
    """Return ``name value`` of the columns with one value in several rows, and the other columns; the first stays."""
    said, kept = [], []
    for place, column in enumerate(columns):
        value, *others = dict.fromkeys(column.cells) or [""]
        if others or len(column.cells) < 2 or len(value) > _TITLE or (place == 0 and len(columns) == 1):
            kept.append(column)
        else:
            said.append(f"{column.head} {value}")
    return (said, kept) if kept else ([], list(columns))


def _lines(items: Sequence[str], width: int) -> list[str]:
    """Return items, separated by commas, on lines of a width; no item is broken."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 3 <= width:
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return lines


def _parts(columns: Sequence[_Column], width: int) -> list[list[_Column]]:
    """Return the columns in parts that fit a width; each begins with the columns that name the row."""
    if _width(columns) <= width:
        return [list(columns)]
    keys = _keys(columns, width)
    parts = [list(keys)]
    for column in columns[len(keys) :]:
        if len(parts[-1]) > len(keys) and _width([*parts[-1], column]) > width:
            parts.append(list(keys))
        parts[-1].append(column)
    return parts


def _width(columns: Sequence[_Column]) -> int:
    return sum(column.least + _GAP for column in columns) - _GAP


def _keys(columns: Sequence[_Column], width: int) -> Sequence[_Column]:
    """Return the first columns: as many as tell the rows apart, if they leave room for others; else the first."""
    for count in range(1, min(4, len(columns))):
        rows = list(zip(*(column.cells for column in columns[:count]), strict=True))
        if len(set(rows)) == len(rows) and 2 * _width(columns[:count]) <= width:
            return columns[:count]
    return columns[:1]


def _rich_table(columns: Sequence[_Column], width: int) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    prose = [column for column in columns if column.is_prose]
    free = width - _width(columns)
    # Heads take one line where there is room.
    whole = sum(max(column.most, len(column.head)) + _GAP for column in columns) - _GAP <= width
    for column in columns:
        room = column.least + (max(free, 0) // len(prose) if column in prose else 0)
        narrow = min(column.most, room) if column.is_prose else column.least
        table.add_column(
            Text(column.head),
            justify="right" if column.is_number else "left",
            width=max(column.most, len(column.head)) if whole else narrow,
            no_wrap=not column.is_prose and len(column.head) <= column.least,
            overflow="fold",
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, row))  # Text, not markup: names come from users
    return table
