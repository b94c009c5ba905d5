"""Scores as an array: what a board of many runs is ranked from, since a tidy frame of it has millions of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Entry", "Grid"]

ABSENT = -1
"""The status of a score that was never made: a reader who did not read the case, or a structure not scored there."""


_HALF = 2**31


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
        return cls.of_table(table, str(frame["unit"].iloc[0]) if len(frame) else "")

    @classmethod
    def of_table(cls, table: Any, unit: str) -> Grid:
        """Lay out an Arrow table whose columns are dictionary-coded; the last of two rows of one score counts."""
        entries, place = _entries(table)
        (cases, at_case), (labels, at_label), (statuses, status) = (
            _sorted_codes(table[name]) for name in ("case", "label", "status")
        )
        shape = (len(cases), len(labels), len(entries))
        values, state = np.full(shape, np.nan), np.full(shape, ABSENT, np.int8)
        at_case *= len(labels)
        at_case += at_label
        place += at_case.astype(np.int64) * len(entries)
        values.ravel()[place] = table["value"].to_numpy()
        state.ravel()[place] = status
        for array in (values, state):
            array.setflags(write=False)
        return cls(entries, cases, labels, values, state, statuses, unit)

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
        kept = range(len(self.entries)) if entries is None else entries
        values, status = self.values, self.status
        for axis, (names, known) in enumerate(zip(wanted, (self.cases, self.labels), strict=True)):
            if names != known:
                values, status = (_taken(array, names, known, axis) for array in (values, status))
        if entries is not None:
            values, status = values[..., list(kept)], status[..., list(kept)]
        chosen = tuple(self.entries[at] for at in kept)
        return Grid(chosen, *wanted, values, status, self.statuses, self.unit)


def _sorted_codes(column: Any) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Give the names of a dictionary-coded column in order, and for each row the place of its name."""
    chunk = column.unify_dictionaries().combine_chunks()
    names = np.array(chunk.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names) if len(names) else np.zeros(0, np.int64)
    # Millions of rows: places of half the size halve the time.
    places = np.empty(len(names), np.int32)
    places[order] = np.arange(len(names), dtype=np.int32)
    return tuple(map(str, names[order])), places[chunk.indices.to_numpy()]


def _entries(table: Any) -> tuple[tuple[Entry, ...], NDArray[np.int64]]:
    """Give who was scored, and for each row which of them it is about."""
    columns = [_sorted_codes(table[name]) for name in Entry._fields]
    sizes = [max(len(names), 1) for names, _ in columns]
    joint: NDArray[Any] = np.zeros(len(table), np.int32 if np.prod(sizes) < _HALF else np.int64)
    for size, (_, codes) in zip(sizes, columns, strict=True):
        joint *= size
        joint += codes
    present = np.zeros(int(np.prod(sizes)), bool)
    present[joint] = True
    found = np.flatnonzero(present)
    at = np.unravel_index(found, sizes)
    entries = tuple(
        Entry(*(names[code] for (names, _), code in zip(columns, codes, strict=True)))
        for codes in zip(*at, strict=True)
    )
    return entries, (np.cumsum(present, dtype=np.int64) - 1)[joint]


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
