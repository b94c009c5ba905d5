"""Scores of one metric as an array, for ranking boards whose tidy frame would have millions of rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.boards.blocks import Block, Entry, Extent, blocks, laid_out
from ctbench.scores import NEGATIVE, POSITIVE

__all__ = ["Entry", "Grid", "StoredGrid"]

ABSENT = -1
"""The status of a score without a row: the reader did not read the case, or the structure was not scored there."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The scores of one metric against one reference.

    Args:
        entries: The raters.
        cases: Ids of the cases, sorted.
        labels: Names of the structures, sorted.
        values: Cases x labels x entries; NaN for a score without a value.
        status: Cases x labels x entries; index into ``statuses``, or -1 for a score without a row.
        statuses: Names of the statuses.
        unit: Unit of the values.
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
        """Return the grid of tidy scores of one metric and one reference; a column ``run`` is not needed."""
        import pyarrow as pa

        named = frame if "run" in frame.columns else frame.assign(run="")
        names = (*Entry._fields, "case", "label", "status")
        coded = {name: pa.array(named[name].to_numpy(object), pa.string()).dictionary_encode() for name in names}
        table = pa.table(coded | {"value": pa.array(named["value"].to_numpy(float))})
        return cls.of_table(table, str(frame["unit"].iloc[0]) if len(frame) else "")

    @classmethod
    def of_table(cls, table: Any, unit: str) -> Grid:
        """Return the grid of an Arrow table of scores with the columns of ``laid_out``, in any order."""
        return cls.of_blocks(list(blocks(*laid_out(table))), unit)

    @classmethod
    def of_blocks(cls, parts: Sequence[Block], unit: str, extents: Sequence[Extent] | None = None) -> Grid:
        """Return the grid of blocks of scores.

        Args:
            parts: Blocks of one metric and one reference; no score is in two of them.
            unit: Unit of the values.
            extents: What gives the raters and cases, if they are more than those of the parts.
        """
        own = [part.extent for part in parts]
        entries, cases, _ = _axes(own if extents is None else extents)
        labels = _axes(own)[2]
        statuses = sorted({name for part in parts for name in part.statuses})
        # In memory structures come first, then raters, as in a board's files: each structure is one piece.
        if len(parts) == 1 and tuple(own[0]) == (entries, cases, labels):  # most of a large board: not copied
            values, state = parts[0].values.transpose(2, 0, 1), parts[0].status.astype(np.int8).transpose(2, 0, 1)
            return cls._of_arrays(entries, cases, labels, values, state, parts[0].statuses, unit)
        shape = (len(labels), len(entries), len(cases))
        values, state = np.full(shape, np.nan), np.full(shape, ABSENT, np.int8)
        numbered: list[dict[Any, int]] = [
            {name: at for at, name in enumerate(names)} for names in (entries, cases, labels)
        ]
        for part in parts:
            raters, seen, held = (
                [axis[name] for name in names] for axis, names in zip(numbered, part.extent, strict=True)
            )
            where, number = _window(raters, seen), np.array([statuses.index(name) for name in part.statuses], np.int8)
            for at, label in enumerate(held):
                values[label][where], state[label][where] = part.values[..., at], number[part.status[..., at]]
        return cls._of_arrays(entries, cases, labels, values, state, tuple(statuses), unit)

    @classmethod
    def _of_arrays(
        cls,
        entries: tuple[Entry, ...],
        cases: tuple[str, ...],
        labels: tuple[str, ...],
        values: NDArray[np.float64],
        status: NDArray[np.int8],
        statuses: tuple[str, ...],
        unit: str,
    ) -> Grid:
        """Return the grid of arrays structures x raters x cases, which nobody may change from now on."""
        for array in (values, status):
            array.setflags(write=False)
        return cls(entries, cases, labels, values.transpose(2, 0, 1), status.transpose(2, 0, 1), statuses, unit)

    @property
    def nbytes(self) -> int:
        """Memory that values and statuses take, bytes."""
        return self.values.nbytes + self.status.nbytes

    def having(self, statuses: Collection[str]) -> NDArray[np.bool_]:
        """Return which scores have one of some statuses: bool, cases x labels x entries."""
        found = np.zeros_like(self.status, bool)
        for at, name in enumerate(self.statuses):
            if name in statuses:
                found |= self.status == at
        return found

    @classmethod
    def joined(cls, parts: Sequence[Grid]) -> Grid:
        """Join the structures of grids with the same raters and cases."""
        if len(parts) == 1:
            return parts[0]
        statuses = tuple(sorted({name for part in parts for name in part.statuses}))
        values, status = [], []
        for part in parts:
            number = np.array([*(statuses.index(name) for name in part.statuses), ABSENT], np.int8)
            values.append(part.values)
            status.append(number[part.status])
        labels = tuple(label for part in parts for label in part.labels)
        both = np.concatenate(values, axis=1), np.concatenate(status, axis=1)
        return cls(parts[0].entries, parts[0].cases, labels, *both, statuses, parts[0].unit)

    def of_cases(self, cases: Collection[str]) -> Grid:
        """Return the grid of some cases."""
        return self.select(cases=[case for case in self.cases if case in cases])

    def is_judged(self) -> bool:
        """Return whether the statuses tell what the reference holds, wherever some rater has a value."""
        told = self.having(NEGATIVE | POSITIVE).any(axis=-1)
        return bool(told.all() or np.isnan(self.values[~told]).all())

    def negatives(self, reference_ml: StoredGrid | None = None) -> NDArray[np.bool_]:
        """Return which structures of which cases the reference was judged for and does not hold: cases x labels.

        Args:
            reference_ml: Volumes of the same reference (the metric ``reference_volume_ml``); they decide where no rater
                has a prediction, see ``ctbench.statistics.populations.negatives``. None: such cases are positives.
        """
        negative = self.having(NEGATIVE).any(axis=-1)
        unknown = ~(negative | self.having(POSITIVE).any(axis=-1))
        if reference_ml is not None and unknown.any():
            volumes = reference_ml.select(cases=self.cases, labels=self.labels).values
            negative |= unknown & (volumes == 0).any(axis=-1) & ~(volumes > 0).any(axis=-1)
        return np.asarray(negative)

    def positives(self, reference_ml: StoredGrid | None = None) -> Grid:
        """Return the grid without values where the reference does not hold the structure; statuses stay.

        Args:
            reference_ml: As for ``negatives``.
        """
        negative = self.negatives(reference_ml)
        if not negative.any():
            return self  # a copy of a large board has hundreds of MB
        return replace(self, values=np.where(negative[..., None], np.nan, self.values))

    def select(
        self,
        *,
        cases: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        entries: Sequence[int] | None = None,
    ) -> Grid:
        """Return the grid of some cases, structures and entries, in this order; unknown names have no values.

        Args:
            cases: Names; None keeps all.
            labels: Names; None keeps all.
            entries: Indices into ``entries``; None keeps all.
        """
        wanted = (self.cases if cases is None else tuple(cases), self.labels if labels is None else tuple(labels))
        everybody = list(range(len(self.entries)))
        kept = everybody if entries is None else list(entries)
        values, status = self.values, self.status
        for axis, (names, known) in enumerate(zip(wanted, (self.cases, self.labels), strict=True)):
            if names != known:
                values, status = (_taken(array, names, known, axis) for array in (values, status))
        if kept != everybody:  # in memory raters stand before cases, and stay so
            values = values.transpose(2, 0, 1)[kept].transpose(1, 2, 0)
            status = status.transpose(2, 0, 1)[kept].transpose(1, 2, 0)
        chosen = tuple(self.entries[at] for at in kept)
        return Grid(chosen, *wanted, values, status, self.statuses, self.unit)


Reading = Callable[[str | None, Sequence[int] | None], Grid]
"""Takes a structure and indices of raters; None: all of them."""


@dataclass(frozen=True, eq=False)
class StoredGrid:
    """The same scores where they are kept, from where one structure or all are read: together they may be gigabytes.

    Args:
        entries: The raters.
        cases: Ids of the cases, sorted.
        labels: Names of the structures, sorted.
        unit: Unit of the values.
        read: Reads one structure, or all of them for None, of some raters (indices into ``entries``), or all of them
            for None, and of all cases.
    """

    entries: tuple[Entry, ...]
    cases: tuple[str, ...]
    labels: tuple[str, ...]
    unit: str
    read: Reading

    @classmethod
    def of(cls, grid: Grid) -> StoredGrid:
        """Return a grid that is in memory."""

        def read(label: str | None, entries: Sequence[int] | None) -> Grid:
            return grid.select(labels=None if label is None else [label], entries=entries)

        return cls(grid.entries, grid.cases, grid.labels, grid.unit, read)

    @classmethod
    def of_blocks(
        cls, extents: Sequence[Extent], unit: str, read: Callable[[Collection[str], str | None], Sequence[Block]]
    ) -> StoredGrid:
        """Return the grid of blocks that are read when they are asked for.

        Args:
            extents: Extents of all blocks.
            unit: Unit of the values.
            read: Reads the blocks of some runs, of one structure or, for None, of all.
        """
        everybody, cases, labels = _axes(extents)

        def grid(label: str | None, entries: Sequence[int] | None) -> Grid:
            if entries is None:
                return Grid.of_blocks(read({one.run for one in everybody}, label), unit, extents)
            runs = {everybody[at].run for at in entries}
            found = Grid.of_blocks(read(runs, label), unit, [one.only(runs) for one in extents])
            places = {entry: at for at, entry in enumerate(found.entries)}
            return found.select(cases=cases, entries=[places[everybody[at]] for at in entries])

        return cls(everybody, cases, labels, unit, grid)

    @property
    def size(self) -> int:
        """Number of scores, if all have one."""
        return len(self.entries) * len(self.cases) * len(self.labels)

    def select(
        self,
        *,
        cases: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        entries: Sequence[int] | None = None,
    ) -> Grid:
        """Read some structures, of some cases and raters, see ``Grid.select``."""
        known = None if labels is None else [name for name in labels if name in self.labels]
        # Of none there are raters and cases; they are those of any.
        wanted: Sequence[str | None] = [None] if known is None else known or self.labels[:1] or [None]
        parts = [self.read(name, entries).select(cases=cases) for name in wanted]
        return Grid.joined(parts).select(labels=labels)

    def of_cases(self, cases: Collection[str]) -> StoredGrid:
        """Return the grid of some cases."""
        own = tuple(case for case in self.cases if case in cases)
        return replace(self, cases=own, read=lambda *asked: self.read(*asked).select(cases=own))

    def positives(self, reference_ml: StoredGrid | None = None) -> StoredGrid:
        """Return the grid without values where the reference does not hold the structure, see ``Grid.positives``.

        Where some raters were all lost in a case, the others' statuses tell whether its reference holds the structure.
        """

        def read(label: str | None, entries: Sequence[int] | None) -> Grid:
            found = self.read(label, entries)
            if entries is None or found.is_judged():
                return found.positives(reference_ml)
            return self.read(label, None).positives(reference_ml).select(entries=entries)

        return replace(self, read=read)


def _axes(extents: Sequence[Extent]) -> tuple[tuple[Entry, ...], tuple[str, ...], tuple[str, ...]]:
    """Return all raters, cases and structures, each sorted."""
    return (
        tuple(sorted({entry for own in extents for entry in own.entries})),
        tuple(sorted({case for own in extents for case in own.cases})),
        tuple(sorted({label for own in extents for label in own.labels})),
    )


def _window(rows: Sequence[int], columns: Sequence[int]) -> Any:
    """Return an index of some rows and columns; neighbours are copied in one piece."""
    if all(len(own) and (np.diff(own) == 1).all() for own in (rows, columns)):
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return np.ix_(rows, columns)


def _taken(array: NDArray[Any], names: Sequence[str], known: Sequence[str], axis: int) -> NDArray[Any]:
    places = {name: at for at, name in enumerate(known)}
    found = np.array([places.get(name, ABSENT) for name in names], dtype=np.intp)
    if len(found) and found[0] >= 0 and (np.diff(found) == 1).all():  # neighbours need not be copied
        return array[(slice(None),) * axis + (slice(found[0], found[-1] + 1),)]
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
