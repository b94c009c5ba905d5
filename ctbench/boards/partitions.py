"""The derived tables of a board: one partition for each dataset, metric and reference, so that a page reads one.

A file has a row for each score, with value, status and detail alone: its metadata tell which raters, cases and
structures the rows stand for.

A partition is a few files, each with the rows of one run (``DIGEST.parquet``) or of several (``base-NAME.parquet``);
when they are many, they are folded into one. So a run is added without rewriting the others, and a page never opens
hundreds of files. Object stores have no locks: after two processes folded at once a run may be in several files, and
is read from one of them. No row is lost: a file is removed only by who has written its rows to another one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd

from ctbench.boards.blocks import (
    Block,
    Extent,
    blocks,
    digests_by_run,
    extents_from_json,
    extents_to_json,
    laid_out,
    name_columns,
    spans_of,
)
from ctbench.boards.storage import Place
from ctbench.errors import StoreError
from ctbench.runs.manifest import Manifest
from ctbench.runs.parquet import expect_bounded, most_rows, read_bounded
from ctbench.scores import LOST, SCORE_COLUMNS

__all__ = [
    "Partition",
    "add_run",
    "checked_scores",
    "encoded",
    "fold",
    "framed",
    "partition_blocks",
    "partition_extents",
    "partition_table",
    "partitions",
    "table_digests",
    "unit_of",
    "write_partition",
]

Partition = tuple[str, str, str]
"""Dataset, metric, reference."""

_COLUMNS = ("run", *(name for name in SCORE_COLUMNS if name not in {"dataset", "metric", "reference", "unit"}))
_MOST_FILES = 16
_PIECE = 32_768
"""Rows that are read together: of larger pieces most is not wanted by who reads single raters."""
_BASE = "base-"
_TRIES = 20
_SCORE = ("value", "status")
_STORED = (*_SCORE, "detail")
_RUNS, _EXTENTS = b"runs", b"blocks by structure"


def add_run(place: Place, digest: str, manifest: Manifest, scores: bytes) -> int:
    """Add the scores of a run to its partitions.

    Args:
        place: Folder of the board.
        digest: Digest of the run.
        manifest: Manifest of the run.
        scores: The bytes of its ``scores.parquet``.

    Returns:
        The number of cases without a prediction.

    Raises:
        StoreError: The scores are not a table of this form, or belong to another run.
    """
    rows, lost = checked_scores(digest, manifest, scores)
    for (metric, reference), own in rows.groupby(["metric", "reference"], observed=True):
        folder = _folder(place, (manifest.dataset, str(metric), str(reference)))
        _write(folder / f"{digest}.parquet", encoded(own), [digest])
    return lost


def table_digests(scores: pd.DataFrame, digest: str) -> dict[str, str]:
    """Return ``METRIC<TAB>REFERENCE`` -> digest of the scores of a run as they are kept in that partition."""
    found = {}
    for (metric, reference), own in scores.groupby(["metric", "reference"], observed=True):
        table = encoded(own.assign(run=digest))
        parts = blocks(*laid_out(table.unify_dictionaries()))
        found[f"{metric}\t{reference}"] = digests_by_run(parts, unit_of(table.schema))[digest]
    return found


def fold(place: Place, dataset: str, without: Collection[str] = ()) -> None:
    """Fold the partitions of a dataset that have many files.

    Args:
        place: Folder of the board.
        dataset: Name of the dataset.
        without: Digests of runs whose rows are dropped; with some, every partition is folded.
    """
    for folder in _partitions(place / "leaderboard.parquet" / f"dataset={quote(dataset, safe='')}"):
        if without or len(folder.names()) > _MOST_FILES:
            _fold(folder, set(without))


def partitions(place: Place, dataset: str) -> list[tuple[str, str]]:
    """Return the metric and reference of each partition of a dataset."""
    own = place / "leaderboard.parquet" / f"dataset={quote(dataset, safe='')}"
    found = [(metric, name) for metric in own.names() for name in (own / metric).names()]
    return [(_value(metric), _value(reference)) for metric, reference in found]


def partition_table(place: Place, partition: Partition, runs: Sequence[str]) -> Any:
    """Return the rows of some runs of a partition as an Arrow table, dictionary-coded, without constant columns."""
    import pyarrow as pa

    wanted = set(runs)
    with _refused_if_forged(_folder(place, partition)):
        files = [(file, own & wanted) for file, own in _files(_folder(place, partition)) if not wanted.isdisjoint(own)]
        if not files:
            return encoded(pd.DataFrame(columns=["run", *SCORE_COLUMNS]))
        table = pa.concat_tables([_named(file, kept) for file, kept in files]).unify_dictionaries()
        return table.replace_schema_metadata(files[0][0].schema_arrow.metadata)


def _named(file: Any, runs: Collection[str]) -> Any:
    """Return the rows of some runs of a file, with the names that they stand for."""
    import pyarrow as pa

    extents = _extents_of(file)
    rows = _rows(file, spans_of(extents, runs), _STORED)
    named = name_columns([one.only(runs) for one in extents]) | {name: rows[name] for name in _STORED}
    return pa.table({name: named[name] for name in _COLUMNS})


def _rows(file: Any, spans: Sequence[tuple[int, int]], columns: Sequence[str]) -> Any:
    """Return the rows of some spans of a file, in order; other pieces of the file than theirs are not read.

    Raises:
        ValueError: A span ends behind the last row.
    """
    import pyarrow as pa

    ends = np.cumsum([file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)])
    if spans and spans[-1][1] > file.metadata.num_rows:
        msg = f"it has {file.metadata.num_rows} rows, expected {spans[-1][1]}"
        raise ValueError(msg)
    starts, stops = np.array(spans, np.int64).reshape(-1, 2).T
    first, last = np.searchsorted(ends, starts, "right"), np.searchsorted(ends, stops)
    pieces = sorted({at for one, other in zip(first, last, strict=True) for at in range(one, other + 1)})
    table = file.read_row_groups(pieces, columns=list(columns))
    skipped = ends[pieces] - np.cumsum(np.diff(ends, prepend=0)[pieces])  # rows before each piece that are not read
    places = starts - skipped[np.searchsorted(pieces, first)]
    parts = [table.slice(at, length) for at, length in zip(places, stops - starts, strict=True)]
    return pa.concat_tables(parts) if parts else table


def partition_blocks(
    place: Place, partition: Partition, runs: Collection[str], label: str | None = None
) -> tuple[list[Block], str]:
    """Return the same scores as blocks, and their unit.

    Args:
        place: Folder of the board.
        partition: Dataset, metric and reference.
        runs: Digests of the runs to read.
        label: The structure to read; None: all of them.
    """
    wanted, unit = set(runs), ""
    found: list[Block] = []
    for file, own in _files(_folder(place, partition)):
        if kept := wanted & own:
            with _refused_if_forged(_folder(place, partition)):
                unit, extents = unit_of(file.schema_arrow), _extents_of(file)
                axes = [part for one in extents if (part := one.only(kept, label)).size]
                found += blocks(_rows(file, spans_of(extents, kept, label), _SCORE), axes)
    return found, unit


def partition_extents(place: Place, partition: Partition, runs: Sequence[str]) -> tuple[list[Extent], str]:
    """Return the raters, cases and structures of the same scores, which are not read, and their unit."""
    wanted, found, unit = set(runs), [], ""
    for file, own in _files(_folder(place, partition)):
        with _refused_if_forged(_folder(place, partition)):
            unit = unit or unit_of(file.schema_arrow)
            found += [part for one in _extents_of(file) if (part := one.only(wanted & own)).entries]
    return found, unit


def framed(table: Any, partition: Partition) -> pd.DataFrame:
    """Return a table of ``partition_table`` as a tidy frame; names are categories."""
    frame: pd.DataFrame = table.to_pandas()
    dataset, metric, reference = partition
    constant = {"dataset": dataset, "metric": metric, "reference": reference, "unit": unit_of(table.schema)}
    for name, value in constant.items():
        frame[name] = pd.Categorical.from_codes(np.zeros(len(frame), np.int8), pd.Index([value]))
    return frame[["run", *SCORE_COLUMNS]]


def checked_scores(digest: str, manifest: Manifest, scores: bytes) -> tuple[pd.DataFrame, int]:
    """Return the scores of a run with the column ``run``, and the number of cases without a prediction.

    Raises:
        StoreError: The scores are not a table of this form, or belong to another run.
    """
    texts = [name for name in SCORE_COLUMNS if name != "value"]
    where = f"scores.parquet of run {digest}"
    rows = read_bounded(scores, where, most_rows(manifest), SCORE_COLUMNS)
    try:
        rows = rows.astype({"value": float} | {name: str for name in texts if rows[name].dtype.kind != "O"})
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{where} cannot be read: {error}; score the run again"
        raise StoreError(msg) from error
    if rows[texts].isna().to_numpy().any():
        msg = f"{where} lacks names: every column but the value must be filled"
        raise StoreError(msg)
    if set(rows["dataset"].unique()) - {manifest.dataset} or set(rows["case"].unique()) - set(manifest.cases):
        msg = f"{where} has another dataset or other cases than its manifest"
        raise StoreError(msg)
    lost = rows.loc[rows["status"].isin(LOST), "case"].nunique()
    return rows.assign(run=digest), int(lost)


def encoded(rows: pd.DataFrame) -> Any:
    """Return rows of one metric and one reference, with the column ``run``, as a dictionary-coded Arrow table."""
    import pyarrow as pa

    table = pa.Table.from_pandas(rows[[*_COLUMNS, "unit"]], preserve_index=False).replace_schema_metadata(None)
    unit = str(rows["unit"].iloc[0]) if len(rows) else ""
    columns = {
        name: table[name].cast(pa.float64()) if name == "value" else table[name].cast(pa.string()).dictionary_encode()
        for name in _COLUMNS
    }
    return pa.table(columns).replace_schema_metadata({b"unit": unit.encode()})


def write_partition(place: Place, partition: Partition, table: Any, runs: Sequence[str]) -> None:
    """Write a whole partition, which replaces the former one.

    Args:
        place: Folder of the board.
        partition: Dataset, metric and reference.
        table: Table of ``encoded``.
        runs: Digests of its runs.
    """
    folder = _folder(place, partition)
    former, whole = folder.names(), _base_name(sorted(runs))
    _write(folder / whole, table, runs)
    for name in (name for name in former if name != whole):
        (folder / name).remove()


def _write(file: Place, table: Any, runs: Sequence[str]) -> None:
    import pyarrow.parquet as pq

    ordered, extents = laid_out(table.unify_dictionaries())
    said = {_RUNS: json.dumps(list(runs)).encode(), _EXTENTS: extents_to_json(extents).encode()}
    whole = ordered.select(list(_STORED)).replace_schema_metadata({**(table.schema.metadata or {}), **said})
    with file.writing() as buffer:
        # Values hardly ever repeat: to code or to compress them costs time at every reading and saves nothing.
        coded = [name for name in _STORED if name != "value"]
        packed = {name: "none" if name == "value" else "zstd" for name in _STORED}
        pq.write_table(
            whole, buffer, compression=packed, use_dictionary=coded, row_group_size=_PIECE, write_statistics=False
        )


def _fold(folder: Place, without: Collection[str]) -> None:
    import pyarrow as pa

    listed = _listed(folder)
    if not listed:
        return
    files = _disjoint([file for _, file in listed])
    table = pa.concat_tables([_named(file, runs - set(without)) for file, runs in files]).unify_dictionaries()
    known = sorted({run for _, runs in files for run in runs} - set(without))
    whole, unit = _base_name(known), unit_of(files[0][0].schema_arrow)
    _write(folder / whole, table.replace_schema_metadata({b"unit": unit.encode()}), known)
    for name in (name for name, _ in listed if name != whole):
        (folder / name).remove()


def _base_name(runs: Sequence[str]) -> str:
    """Return the name of the file of some runs: equal for two processes that fold the same runs."""
    return f"{_BASE}{hashlib.sha256(chr(10).join(runs).encode()).hexdigest()[:16]}.parquet"


def _files(folder: Place) -> list[tuple[Any, set[str]]]:
    """Return the open files of a partition, each with the runs to be read from it; the largest files come first."""
    return _disjoint([file for _, file in _listed(folder)])


def _listed(folder: Place) -> list[tuple[str, Any]]:
    """Return the names and the open files of a partition."""
    for _ in range(_TRIES):
        with suppress(_FoldedMeanwhileError):
            return [(name, _opened(folder / name)) for name in folder.names() if _is_table(name)]
    msg = f"{folder} is written all the time; try again"
    raise StoreError(msg)


def _disjoint(files: Sequence[Any]) -> list[tuple[Any, set[str]]]:
    found: list[tuple[Any, set[str]]] = []
    seen: set[str] = set()
    for file in sorted(files, key=lambda file: -len(_runs_of(file.schema_arrow))):
        own = set(_runs_of(file.schema_arrow)) - seen
        seen |= own
        if own or not found:
            found.append((file, own))
    return found


class _FoldedMeanwhileError(Exception):
    """A file was folded into another one after the folder was listed."""


def _is_table(name: str) -> bool:
    return name.endswith(".parquet") and not name.startswith(".")


def _opened(place: Place) -> Any:
    """Open a file; one on this machine is read piece by piece, one in an object store is fetched whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _refused_if_forged(place):
        try:
            source = pa.BufferReader(place.read()) if place.local is None else pa.OSFile(str(place.local))
        except (FileNotFoundError, StoreError) as error:
            if isinstance(error, FileNotFoundError) or isinstance(error.__cause__, FileNotFoundError):
                raise _FoldedMeanwhileError from error
            raise
        # Texts stay codes: a small file could hold one long text a million times.
        opened = pq.ParquetFile(source, read_dictionary=list(_STORED[1:]))
        expect_bounded(opened.metadata, source.size(), str(place))
        if not _is_ours(opened.schema_arrow):
            msg = "it was made by another version of ctbench"
            raise ValueError(msg)
        return opened


def _is_ours(schema: Any) -> bool:
    """Return whether the columns and the metadata of a file are those that ``_write`` writes."""
    import pyarrow as pa

    said = schema.metadata or {}
    if not {_RUNS, _EXTENTS, b"unit"} <= set(said) or not set(_STORED) <= set(schema.names):
        return False
    texts = [schema.field(name).type for name in _STORED[1:]]
    coded = all(pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type) for kind in texts)
    runs = json.loads(said[_RUNS])
    named = isinstance(runs, list) and all(isinstance(run, str) for run in runs)
    return named and coded and pa.types.is_float64(schema.field("value").type)


@contextmanager
def _refused_if_forged(place: Place) -> Iterator[None]:
    """Raise ``StoreError`` for whatever goes wrong when a table of the board is read: anybody may have written it."""
    import pyarrow as pa

    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, IndexError, RecursionError, pa.ArrowException) as error:
        msg = f"{place} cannot be read: {error}; remove leaderboard.parquet and index.parquet to rebuild"
        raise StoreError(msg) from error


def _runs_of(schema: Any) -> list[str]:
    return list(json.loads(schema.metadata[_RUNS]))


def unit_of(schema: Any) -> str:
    """Return the unit of the values of a partition's table, from its schema."""
    return str(schema.metadata[b"unit"].decode())


def _extents_of(file: Any) -> tuple[Extent, ...]:
    return extents_from_json(file.schema_arrow.metadata[_EXTENTS])


def _value(folder: str) -> str:
    return unquote(folder.partition("=")[2])


def _folder(place: Place, partition: Partition) -> Place:
    folder = place / "leaderboard.parquet"
    for name, value in zip(("dataset", "metric", "reference"), partition, strict=True):
        folder = folder / f"{name}={quote(value, safe='')}"
    return folder


def _partitions(dataset: Place) -> list[Place]:
    metrics = [dataset / name for name in dataset.names()]
    return [metric / name for metric in metrics for name in metric.names()]
