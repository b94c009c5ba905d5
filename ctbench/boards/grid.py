"""Scores of one metric as an array, for ranking boards whose tidy frame would have millions of rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.boards.blocks import Block, Entry, blocks, laid_out
from ctbench.scores import NEGATIVE, POSITIVE

__all__ = ["Entry", "Grid"]

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
    def of_blocks(cls, parts: Sequence[Block], unit: str) -> Grid:
        """Return the grid of blocks of scores.

        Args:
            parts: Blocks of one metric and one reference; no score is in two of them.
            unit: Unit of the values.
        """
        entries = sorted({entry for part in parts for entry in part.extent.entries})
        cases = sorted({case for part in parts for case in part.extent.cases})
        labels = sorted({label for part in parts for label in part.extent.labels})
        statuses = sorted({name for part in parts for name in part.statuses})
        # In memory raters come first, as in the blocks: most of a board is one block, which is then copied as it is.
        shape = (len(entries), len(cases), len(labels))
        values, state = np.full(shape, np.nan), np.full(shape, ABSENT, np.int8)
        numbered: list[dict[Any, int]] = [
            {name: at for at, name in enumerate(names)} for names in (entries, cases, labels)
        ]
        for part in parts:
            places = [[axis[name] for name in own] for axis, own in zip(numbered, part.extent, strict=True)]
            where = np.ix_(*places)
            number = np.array([statuses.index(name) for name in part.statuses], np.int8)
            values[where], state[where] = part.values, number[part.status]
        for array in (values, state):
            array.setflags(write=False)
        values, state = values.transpose(1, 2, 0), state.transpose(1, 2, 0)
        return cls(tuple(entries), tuple(cases), tuple(labels), values, state, tuple(statuses), unit)

    @property
    def nbytes(self) -> int:
        """Memory that values and statuses take, bytes."""
        return self.values.nbytes + self.status.nbytes

    def having(self, statuses: Collection[str]) -> NDArray[np.bool_]:
        """Return which scores have one of some statuses: bool, cases x labels x entries."""
        return np.isin(self.status, [at for at, name in enumerate(self.statuses) if name in statuses])

    def negatives(self, reference_ml: Grid | None = None) -> NDArray[np.bool_]:
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

    def positives(self, reference_ml: Grid | None = None) -> Grid:
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
        if kept != everybody:
            values, status = values[..., kept], status[..., kept]
        chosen = tuple(self.entries[at] for at in kept)
        return Grid(chosen, *wanted, values, status, self.statuses, self.unit)


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
