"""Case tables: CSV files with one row per case of a dataset."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ctbench.datasets.patterns import is_safe_name
from ctbench.errors import DatasetError

__all__ = ["SPLITS", "CaseRow", "parse_slices", "read_case_table", "records"]

SPLITS = ("train", "validation", "test")
"""Allowed values of the column ``split``."""

_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_RESERVED = ("case", "split", "patient", "not_assessed", "readers")


@dataclass(frozen=True)
class CaseRow:
    """One row of the case table.

    Args:
        case: Id of the case.
        split: One of ``SPLITS``, or None.
        patient: Name of the patient, or None.
        not_assessed: Labels that no reader could identify in this case.
        readers: Names of the readers of this case; None if the table has no such column.
        annotated: Indices z of the annotated slices; None: all, or the table has no such column.
        subgroups: Name of each other column -> its text.
    """

    case: str
    split: str | None = None
    patient: str | None = None
    not_assessed: tuple[str, ...] = ()
    readers: tuple[str, ...] | None = None
    annotated: tuple[int, ...] | None = None
    subgroups: Mapping[str, str] = field(default_factory=dict)


def read_case_table(
    path: Path, *, known_labels: Iterable[str] = (), annotated: str | None = None
) -> tuple[CaseRow, ...]:
    """Read a case table; return its rows in their order.

    The column ``case`` is required. ``split``, ``patient``, ``not_assessed`` and ``readers`` (the last two separated by
    ``;``) are optional, and every other column is a subgroup.

    Args:
        path: A CSV file with a header, UTF-8.
        known_labels: Names that ``not_assessed`` may hold.
        annotated: Name of the column with the annotated slices; None (default): the table has none.

    Raises:
        DatasetError: The table is invalid; the message contains file, line and column.
    """
    rows: dict[str, CaseRow] = {}
    for line, cells in records(path, needed=("case", *([annotated] if annotated else []))):
        where = f"{path}, line {line}"
        row = _row(cells, where, tuple(known_labels), annotated)
        if row.case in rows:
            msg = f"{where}: the case {row.case!r} has a row already; every case needs one row"
            raise DatasetError(msg)
        rows[row.case] = row
    return tuple(rows.values())


def parse_slices(text: str) -> tuple[int, ...] | None:
    """Return the slices of a text: numbers and ranges from 0 with both ends included; None for ``all``.

    >>> parse_slices("3-5;12")
    (3, 4, 5, 12)

    Raises:
        ValueError: The text has another form.
    """
    if text.strip() == "all":
        return None
    slices: set[int] = set()
    for part in text.split(";"):
        found = _RANGE.fullmatch(part.strip())
        start, stop = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if start > stop:
            msg = f"{part!r} is not a range of slices"
            raise ValueError(msg)
        slices.update(range(start, stop + 1))
    return tuple(sorted(slices))


def records(path: Path, needed: Iterable[str], what: str = "case table") -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each line of a CSV file with a header, and its cells by column.

    Args:
        path: The file, UTF-8.
        needed: Names of required columns.
        what: What the table is called in messages.

    Raises:
        DatasetError: The file is not such a table; the message contains file and line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            _check_header(path, reader.fieldnames or (), needed, what)
            for cells in reader:
                if None in cells or None in cells.values():
                    msg = f"{path}, line {reader.line_num} has more or fewer cells than the header"
                    raise DatasetError(msg)
                yield reader.line_num, {name: cell.strip() for name, cell in cells.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"cannot read the {what} {path}: {error}; expected CSV in UTF-8"
        raise DatasetError(msg) from error


def _check_header(path: Path, header: Iterable[str], needed: Iterable[str], what: str) -> None:
    names = list(header)
    for name in needed:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f"; is it {near[0]!r}?" if near else ""
            msg = f"the {what} {path} has no column {name!r}, only {', '.join(names) or 'nothing'}{hint}"
            raise DatasetError(msg)
    if len(set(names)) < len(names):
        msg = f"the {what} {path} has two columns of one name: {', '.join(names)}"
        raise DatasetError(msg)


def _row(cells: Mapping[str, str], where: str, known_labels: tuple[str, ...], annotated: str | None) -> CaseRow:
    case, split = cells["case"], cells.get("split") or None
    readers = _listed(cells.get("readers", ""))
    for name in (case, *readers):
        if not is_safe_name(name):
            msg = f"{where}: the name {name!r} cannot stand in a path; use letters, digits, '-', '_' and '.'"
            raise DatasetError(msg)
    if split not in (None, *SPLITS):
        msg = f"{where}: the split {split!r} of case {case!r} is unknown; expected {', '.join(SPLITS)} or nothing"
        raise DatasetError(msg)
    not_assessed = _listed(cells.get("not_assessed", ""))
    for label in not_assessed:
        if label not in known_labels:
            msg = f"{where}: not_assessed names {label!r}, expected names among {', '.join(known_labels)}"
            raise DatasetError(msg)
    return CaseRow(
        case=case,
        split=split,
        patient=cells.get("patient") or None,
        not_assessed=not_assessed,
        readers=readers or None,
        annotated=_slices(cells[annotated], where, annotated) if annotated else None,
        subgroups={name: cell for name, cell in cells.items() if name not in (*_RESERVED, annotated)},
    )


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _slices(cell: str, where: str, column: str) -> tuple[int, ...] | None:
    try:
        return parse_slices(cell)
    except ValueError as error:
        msg = f"{where}: {column} is {cell!r}; expected slices from 0 such as '3-7;12', or 'all'"
        raise DatasetError(msg) from error
