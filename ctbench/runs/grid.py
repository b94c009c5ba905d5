"""Scores as an array: what a board of many runs is ranked from, since a tidy frame of it has millions of rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["GRID_COLUMNS", "Entry", "Grid"]

ABSENT = -1
"""The status of a score that was never made: a reader who did not read the case, or a structure not scored there."""


GRID_COLUMNS = ("run", "case", "rater", "rater_kind", "label", "value", "status")
"""What a grid is made of."""


class Entry(NamedTuple):
    """Who was scored."""

    run: str
    rater: str
    rater_kind: str


@dataclass(frozen=True, eq=False)
class Grid:
    """The scores of one metric against one reference.

    Args:
        entries: who was scored.
        cases: sorted.
        labels: the structures, sorted.
        values: cases x labels x entries; NaN where there is no value.
        status: likewise; an index into ``statuses``, or -1 where there is no row.
        statuses: their names.
        unit: of the values.
    """

    entries: tuple[Entry, ...]
    cases: tuple[str, ...]
    labels: tuple[str, ...]
    values: NDArray[np.float64]
    status: NDArray[np.int8]
    statuses: tuple[str, ...]
    unit: str

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Grid:
        """Lay tidy scores of one metric and one reference out; a column ``run`` is not needed."""
        import pyarrow as pa

        named = frame if "run" in frame.columns else frame.assign(run="")
        names = ("run", "case", "rater", "rater_kind", "label", "status")
        coded = {name: pa.array(named[name].to_numpy(object), pa.string()).dictionary_encode() for name in names}
        table = pa.table(coded | {"value": pa.array(named["value"].to_numpy(float))})
        unit = str(frame["unit"].iloc[0]) if len(frame) else ""
        return cls.of_tables([table.replace_schema_metadata({b"unit": unit.encode()})])

    @classmethod
    def of_tables(cls, tables: Iterable[Any]) -> Grid:
        """Lay out Arrow tables, piece after piece: as one table they would take ten times the room of the grid.

        Args:
            tables: with the columns ``GRID_COLUMNS``, dictionary-coded, and the unit as metadata; the last of two rows
                of one score counts.
        """
        unit = ""
        axes = {name: _Axis() for name in ("case", "label", "status")}
        who, pieces = _Axis(), []
        for table in tables:
            unit = table.schema.metadata[b"unit"].decode()
            codes = [axis.places(_only_chunk(table[name])) for name, axis in axes.items()]
            pieces.append((*codes, _entry_places(table, who), table["value"].to_numpy()))
        (cases, case_at), (labels, label_at), (statuses, status_at) = (axis.in_order() for axis in axes.values())
        entries, entry_at = who.in_order()
        shape = (len(cases), len(labels), len(entries))
        values, state = np.full(shape, np.nan), np.full(shape, ABSENT, np.int8)
        for case, label, status, entry, value in pieces:
            place = (case_at[case] * len(labels) + label_at[label]) * len(entries) + entry_at[entry]
            values.ravel()[place] = value
            state.ravel()[place] = status_at[status]
        for array in (values, state):
            array.setflags(write=False)
        return cls(tuple(Entry(*one) for one in entries), cases, labels, values, state, statuses, unit)

    def having(self, statuses: Sequence[str]) -> NDArray[np.bool_]:
        """Say which scores have one of some statuses."""
        return np.isin(self.status, [at for at, name in enumerate(self.statuses) if name in statuses])

    def select(
        self,
        *,
        cases: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        entries: Sequence[int] | None = None,
    ) -> Grid:
        """Keep some cases, structures and entries (by their places), in the order given; unknown names give no values.

        Args:
            cases: names; None keeps all.
            labels: names; None keeps all.
            entries: indices into ``entries``; None keeps all.
        """
        wanted = (self.cases if cases is None else tuple(cases), self.labels if labels is None else tuple(labels))
        everybody = list(range(len(self.entries)))
        kept = everybody if entries is None else list(entries)
        values, status = self.values, self.status
        for axis, (names, known) in enumerate(zip(wanted, (self.cases, self.labels), strict=True)):
            if names != known:
                values, status = (_taken(array, names, known, axis) for array in (values, status))
        if kept != everybody:
            values, status = values[..., kept], status[..., kept]
        chosen = tuple(self.entries[at] for at in kept)
        return Grid(chosen, *wanted, values, status, self.statuses, self.unit)


class _Axis:
    """The names along one axis, numbered as they come and put in order at the end."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def number(self, names: Iterable[Any]) -> NDArray[np.unsignedinteger]:
        """Give the numbers of some names, in as few bytes as they need: there is one of them for each row."""
        numbers = [self._numbers.setdefault(name, len(self._numbers)) for name in names]
        return np.array(numbers, np.min_scalar_type(len(self._numbers)))

    def places(self, column: Any) -> NDArray[np.unsignedinteger]:
        """Give the number of the name in each row of a dictionary-coded array."""
        rows: NDArray[np.unsignedinteger] = self.number(column.dictionary.to_pylist())[column.indices.to_numpy()]
        return rows

    def in_order(self) -> tuple[tuple[Any, ...], NDArray[np.int64]]:
        """Give the names in order, and for each number the place of its name."""
        names = sorted(self._numbers)
        places = np.zeros(len(names), np.int64)
        places[[self._numbers[name] for name in names]] = np.arange(len(names))
        return tuple(names), places


def _only_chunk(column: Any) -> Any:
    return column.unify_dictionaries().combine_chunks()


def _entry_places(table: Any, who: _Axis) -> NDArray[np.unsignedinteger]:
    """Give for each row the number of who was scored."""
    columns = [_only_chunk(table[name]) for name in Entry._fields]
    sizes = [max(len(column.dictionary), 1) for column in columns]
    joint = np.zeros(len(table), np.int64)
    for size, column in zip(sizes, columns, strict=True):
        joint = joint * size + column.indices.to_numpy()
    present = np.zeros(math.prod(sizes), bool)
    present[joint] = True
    codes = np.unravel_index(np.flatnonzero(present), sizes)
    known = [column.dictionary.to_pylist() for column in columns]
    found = [tuple(names[at] for names, at in zip(known, one, strict=True)) for one in zip(*codes, strict=True)]
    own = who.number(found)
    numbers = np.zeros(len(present), own.dtype)
    numbers[present] = own
    return numbers[joint]


def _taken(array: NDArray[Any], names: Sequence[str], known: Sequence[str], axis: int) -> NDArray[Any]:
    places = {name: at for at, name in enumerate(known)}
    found = np.array([places.get(name, ABSENT) for name in names], dtype=np.intp)
    fill: Any = np.nan if array.dtype.kind == "f" else ABSENT
    if array.shape[axis] == 0:
        shape = (*array.shape[:axis], len(names), *array.shape[axis + 1 :])
        return np.full(shape, fill, array.dtype)
    taken = np.take(array, np.maximum(found, 0), axis=axis)
    if (found < 0).any():
        where: list[Any] = [slice(None)] * array.ndim
        where[axis] = found < 0
        taken[tuple(where)] = fill
    return taken
