"""Blocks of scores: arrays of raters x cases x structures, which are read without the names of each row.

A large board has millions of scores. Reading the names of each takes five times as long as reading the scores.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.scores import STATUSES

__all__ = [
    "Block",
    "Entry",
    "Extent",
    "blocks",
    "digests_by_run",
    "extents_from_json",
    "extents_to_json",
    "laid_out",
    "name_columns",
    "spans_of",
]


class Entry(NamedTuple):
    """A rater of one run."""

    run: str
    rater: str
    rater_kind: str


class Extent(NamedTuple):
    """The axes of a block. Its rows go structure by structure, so that one is read alone; then rater by rater."""

    entries: tuple[Entry, ...]
    cases: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of scores."""
        return len(self.entries) * len(self.cases) * len(self.labels)

    def only(self, runs: Collection[str], label: str | None = None) -> Extent:
        """Return the axes of the raters of some runs, of all structures or of one."""
        entries = tuple(entry for entry in self.entries if entry.run in runs)
        return Extent(entries, self.cases, self.labels if label is None else tuple({label} & set(self.labels)))


class Block(NamedTuple):
    """Some scores of one metric against one reference.

    Args:
        extent: Raters, cases and structures of the axes.
        values: Raters x cases x structures; NaN for a score without a value.
        status: Raters x cases x structures; index into ``statuses``.
        statuses: Names of the statuses.
    """

    extent: Extent
    values: NDArray[np.float64]
    status: NDArray[np.integer]
    statuses: tuple[str, ...]


def laid_out(table: Any) -> tuple[Any, list[Extent]]:
    """Sort the rows of an Arrow table into as few blocks as possible; of two rows of one score the last counts.

    Args:
        table: Rows of one metric and one reference, dictionary-coded: ``run, rater, rater_kind, case, label`` and
            others.

    Returns:
        The sorted table, and the extents of its blocks in order.
    """
    (cases, case), (structures, label) = (_coded(table[name]) for name in ("case", "label"))
    entries, entry = _entries(table)
    order = np.lexsort((label, case, entry))
    followed = np.zeros(len(order), bool)
    if len(order):
        one, other = order[:-1], order[1:]
        followed[:-1] = (entry[one] == entry[other]) & (case[one] == case[other]) & (label[one] == label[other])
    order = order[~followed]
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[list[Entry], list[NDArray[np.intp]]]] = {}
    for own in _runs_of(order, entry):
        for part in _products(own, case, label):
            width = _width(case[part])
            names = tuple(cases[at] for at in case[part[::width]]), tuple(structures[at] for at in label[part[:width]])
            raters, rows = alike.setdefault(names, ([], []))
            raters.append(entries[entry[own[0]]])
            rows.append(part)
    extents = [Extent(tuple(raters), *names) for names, (raters, _) in alike.items()]
    parts = [
        np.stack(rows).reshape(len(rows), -1, len(labels)).transpose(2, 0, 1).ravel()
        for (_, labels), (_, rows) in alike.items()
    ]
    return table.take(np.concatenate(parts) if parts else order), extents


def blocks(table: Any, extents: Sequence[Extent]) -> Iterator[Block]:
    """Cut the columns ``value`` and ``status`` of a table that was ``laid_out`` into its blocks."""
    values = table["value"].to_numpy()
    statuses, status = _coded(table["status"])
    start = 0
    for extent in extents:
        raters, cases, labels = map(len, extent)
        rows = slice(start, start := start + raters * cases * labels)
        shape = labels, raters, cases
        own = values[rows].reshape(shape).transpose(1, 2, 0), status[rows].reshape(shape).transpose(1, 2, 0)
        yield Block(extent, *own, statuses)


def spans_of(extents: Sequence[Extent], runs: Collection[str], label: str | None = None) -> list[tuple[int, int]]:
    """Return where the rows of some runs stand, in order: the first row and the one after the last of each span.

    Args:
        extents: Extents of all blocks of a table.
        runs: Digests of the runs.
        label: A structure; None: all of them.
    """
    spans, start = [], 0
    for extent in extents:
        cases = len(extent.cases)
        wanted = [0, *(entry.run in runs for entry in extent.entries), 0]
        turns = np.flatnonzero(np.diff(wanted)).reshape(-1, 2).tolist()
        for name in extent.labels:
            if label in {None, name}:
                spans += [(start + one * cases, start + other * cases) for one, other in turns]
            start += len(extent.entries) * cases
    return spans


def name_columns(extents: Sequence[Extent]) -> dict[str, Any]:
    """Return the columns ``run, rater, rater_kind, case, label`` of a table that was ``laid_out``, dictionary-coded."""
    import pyarrow as pa

    named: dict[str, list[Any]] = {name: [] for name in (*Entry._fields, "case", "label")}
    for entries, cases, labels in extents:
        label, entry, case = np.indices((len(labels), len(entries), len(cases)), np.int32).reshape(3, -1)
        axes = {name: (entry, [one[at] for one in entries]) for at, name in enumerate(Entry._fields)}
        for name, (places, names) in (axes | {"case": (case, cases), "label": (label, labels)}).items():
            named[name].append(pa.array(names, pa.string()).dictionary_encode().take(pa.array(places)))
    coded = pa.dictionary(pa.int32(), pa.string())
    return {name: pa.chunked_array(parts, coded) for name, parts in named.items()}


def digests_by_run(parts: Iterable[Block], unit: str) -> dict[str, str]:
    """Return run -> SHA-256 of all its scores: raters, cases, structures, values, statuses and unit.

    It does not depend on which other runs are in the blocks, nor on their order.
    """
    found: dict[str, list[str]] = {}
    known = sorted(STATUSES)
    for part in parts:
        numbers = np.array([known.index(name) if name in known else len(known) for name in part.statuses], np.int8)
        axes = json.dumps([unit, part.extent.cases, part.extent.labels])
        for entry, values, status in zip(part.extent.entries, part.values, part.status, strict=True):
            digest = hashlib.sha256(f"{json.dumps([entry.rater, entry.rater_kind])}{axes}".encode())
            digest.update(np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes())
            digest.update(numbers[status].tobytes())
            found.setdefault(entry.run, []).append(digest.hexdigest())
    return {run: hashlib.sha256("".join(sorted(own)).encode()).hexdigest() for run, own in found.items()}


def extents_to_json(extents: Sequence[Extent]) -> str:
    """Return extents as JSON."""
    return json.dumps(extents)


@functools.lru_cache(maxsize=32)
def extents_from_json(text: str | bytes) -> tuple[Extent, ...]:
    """Return the extents from the text of ``extents_to_json``; a page reads some files of a board again and again."""
    return tuple(
        Extent(tuple(Entry(*entry) for entry in entries), tuple(cases), tuple(labels))
        for entries, cases, labels in json.loads(text)
    )


def _coded(column: Any) -> tuple[tuple[str, ...], NDArray[np.unsignedinteger]]:
    """Return the distinct names of a dictionary-coded column in order, and the index of each row's name."""
    whole = column.unify_dictionaries().combine_chunks()
    names = whole.dictionary.to_pylist()
    known = sorted(set(names))
    places = {name: at for at, name in enumerate(known)}
    # In as few bytes as they need: there is one for each row.
    codes = np.array([places[name] for name in names], np.min_scalar_type(len(known)))
    return tuple(known), codes[whole.indices.to_numpy()]


def _entries(table: Any) -> tuple[list[Entry], NDArray[np.intp]]:
    columns = [_coded(table[name]) for name in Entry._fields]
    sizes = [max(len(names), 1) for names, _ in columns]
    joint = np.zeros(len(table), np.int64)
    for size, (_, codes) in zip(sizes, columns, strict=True):
        joint = joint * size + codes
    present, entry = np.unique(joint, return_inverse=True)
    places = np.transpose(np.unravel_index(present, sizes)).tolist()
    names = [names for names, _ in columns]
    return [Entry(*(own[at] for own, at in zip(names, one, strict=True))) for one in places], entry


def _runs_of(rows: NDArray[np.intp], codes: NDArray[np.integer]) -> list[NDArray[np.intp]]:
    """Split rows where their code changes."""
    own = codes[rows]
    return [part for part in np.split(rows, np.flatnonzero(own[1:] != own[:-1]) + 1) if len(part)]


def _width(case: NDArray[np.integer]) -> int:
    """Return the number of rows of the first case."""
    changes = np.flatnonzero(case != case[0])
    return int(changes[0]) if len(changes) else len(case)


def _products(rows: NDArray[np.intp], case: NDArray[np.integer], label: NDArray[np.integer]) -> list[NDArray[np.intp]]:
    """Split the rows of a rater so that in each part every case has the same structures: all, or case by case."""
    width = _width(case[rows])
    if len(rows) % width == 0:
        grid = rows.reshape(-1, width)
        if (label[grid] == label[grid[0]]).all() and (case[grid] == case[grid[:, :1]]).all():
            return [rows]
    return _runs_of(rows, case)
