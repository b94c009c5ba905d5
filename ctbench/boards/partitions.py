"""The derived tables of a board: one partition for each dataset, metric and reference, so that a page reads one.

A partition is ``base.parquet`` and a few files ``DIGEST.parquet`` of runs added since; when they are many, they are
folded into the base. So a run is added without rewriting the others, and a page never opens hundreds of files.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd

from ctbench.boards.blocks import Block, blocks, extents_from_json, extents_to_json, laid_out
from ctbench.boards.storage import Place
from ctbench.errors import StoreError
from ctbench.runs.manifest import Manifest
from ctbench.scores import LOST, SCORE_COLUMNS

__all__ = [
    "Partition",
    "add_run",
    "checked_scores",
    "encoded",
    "fold",
    "framed",
    "partition_blocks",
    "partition_table",
    "partitions",
    "unit_of",
    "write_partition",
]

Partition = tuple[str, str, str]
"""Dataset, metric, reference."""

_COLUMNS = ("run", *(name for name in SCORE_COLUMNS if name not in {"dataset", "metric", "reference", "unit"}))
_MOST_FILES = 16
_PIECE = 262_144
_BASE = "base.parquet"
_RUNS, _EXTENTS = b"runs", b"blocks"


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


def fold(place: Place, dataset: str, runs: Sequence[str] | None = None) -> None:
    """Fold the partitions of a dataset that have many files; with ``runs`` fold all, and keep only their rows."""
    for folder in _partitions(place / "leaderboard.parquet" / f"dataset={quote(dataset, safe='')}"):
        if runs is not None or len(folder.names()) > _MOST_FILES:
            _fold(folder, runs)


def partitions(place: Place, dataset: str) -> list[tuple[str, str]]:
    """Return the metric and reference of each partition of a dataset."""
    own = place / "leaderboard.parquet" / f"dataset={quote(dataset, safe='')}"
    found = [(metric, name) for metric in own.names() for name in (own / metric).names()]
    return [(_value(metric), _value(reference)) for metric, reference in found]


def partition_table(place: Place, partition: Partition, runs: Sequence[str]) -> Any:
    """Return the rows of some runs of a partition as an Arrow table, dictionary-coded, without constant columns."""
    import pyarrow as pa

    pieces = list(_pieces(place, partition, set(runs)))
    if not pieces:
        return encoded(pd.DataFrame(columns=["run", *SCORE_COLUMNS]))
    table = pa.concat_tables([piece.select(list(_COLUMNS)) for piece in pieces]).unify_dictionaries()
    return table.replace_schema_metadata(pieces[0].schema.metadata)


def _pieces(place: Place, partition: Partition, wanted: set[str]) -> Iterator[Any]:
    """Yield the same rows file by file, so that they are never all in memory."""
    for file in _files(_folder(place, partition)):
        everybody = set(_runs_of(file.schema_arrow)) <= wanted
        for at in range(file.num_row_groups):
            # One column decides whether the others are read.
            if everybody or len(_only(file.read_row_group(at, columns=["run"]), wanted)):
                yield _only(file.read_row_group(at), wanted)


def partition_blocks(place: Place, partition: Partition, runs: Sequence[str]) -> tuple[list[Block], str]:
    """Return the same scores as blocks, and their unit."""
    wanted, found, unit = set(runs), [], ""
    for file in _files(_folder(place, partition)):
        if wanted.isdisjoint(_runs_of(file.schema_arrow)):
            continue
        table = file.read(columns=["value", "status"])
        unit = unit_of(table)
        parts = blocks(table, extents_from_json(table.schema.metadata[_EXTENTS]))
        found += [own for part in parts if (own := part.only(wanted)).extent.entries]
    return found, unit


def framed(table: Any, partition: Partition) -> pd.DataFrame:
    """Return a table of ``partition_table`` as a tidy frame; names are categories."""
    frame: pd.DataFrame = table.to_pandas()
    dataset, metric, reference = partition
    constant = {"dataset": dataset, "metric": metric, "reference": reference, "unit": unit_of(table)}
    for name, value in constant.items():
        frame[name] = pd.Categorical.from_codes(np.zeros(len(frame), np.int8), pd.Index([value]))
    return frame[["run", *SCORE_COLUMNS]]


def checked_scores(digest: str, manifest: Manifest, scores: bytes) -> tuple[pd.DataFrame, int]:
    """Return the scores of a run with the column ``run``, and the number of cases without a prediction.

    Raises:
        StoreError: The scores are not a table of this form, or belong to another run.
    """
    texts = [name for name in SCORE_COLUMNS if name != "value"]
    try:
        rows = pd.read_parquet(io.BytesIO(scores), columns=list(SCORE_COLUMNS))
        rows = rows.astype({"value": float} | {name: str for name in texts if rows[name].dtype.kind != "O"})
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"the scores of run {digest} cannot be read: {error}"
        raise StoreError(msg) from error
    if rows[texts].isna().to_numpy().any():
        msg = f"the scores of run {digest} lack names: every column but the value must be filled"
        raise StoreError(msg)
    if set(rows["dataset"].unique()) - {manifest.dataset} or set(rows["case"].unique()) - set(manifest.cases):
        msg = f"the scores of run {digest} have another dataset or other cases than its manifest"
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
    _write(_folder(place, partition) / _BASE, table, runs)


def _write(file: Place, table: Any, runs: Sequence[str]) -> None:
    import pyarrow.parquet as pq

    whole, extents = laid_out(table.unify_dictionaries())
    said = {_RUNS: json.dumps(list(runs)).encode(), _EXTENTS: extents_to_json(extents).encode()}
    whole = whole.replace_schema_metadata({**(table.schema.metadata or {}), **said})
    with file.writing() as buffer:
        # Values hardly ever repeat: to code or to compress them costs time at every reading and saves nothing.
        coded = [name for name in whole.column_names if name != "value"]
        packed = {name: "none" if name == "value" else "zstd" for name in whole.column_names}
        pq.write_table(whole, buffer, compression=packed, use_dictionary=coded, row_group_size=_PIECE)


def _fold(folder: Place, runs: Sequence[str] | None) -> None:
    import pyarrow as pa

    tables = _tables(folder)
    known = [run for run in _known(tables) if runs is None or run in set(runs)]
    table = pa.concat_tables([_only(table, set(known)) for table in tables]).unify_dictionaries()
    _write(folder / _BASE, table.replace_schema_metadata({b"unit": unit_of(tables[0]).encode()}), known)
    for name in folder.names():
        if name != _BASE:
            (folder / name).remove()


def _only(table: Any, runs: Collection[str]) -> Any:
    """Return the rows of some runs; a column of the table may have several dictionaries."""
    import pyarrow as pa

    column = table["run"].unify_dictionaries().combine_chunks()
    known = np.array([name in runs for name in column.dictionary.to_pylist()], dtype=bool)
    return table if known.all() else table.filter(pa.array(known[column.indices.to_numpy()]))


def _tables(folder: Place) -> list[Any]:
    return [file.read() for file in _files(folder)]


def _files(folder: Place) -> list[Any]:
    """Yield the open files of a partition, without those that were folded into the base already."""
    files: list[Any] = []
    base: set[str] = set()
    for name in sorted(folder.names(), key=lambda name: (name != _BASE, name)):
        if name.startswith(".") or not name.endswith(".parquet") or name.removesuffix(".parquet") in base:
            continue
        try:
            files.append(_opened(folder / name))
        except (OSError, ValueError) as error:
            msg = f"{folder / name} cannot be read: {error}; remove leaderboard.parquet and index.parquet to rebuild"
            raise StoreError(msg) from error
        base |= set(_runs_of(files[-1].schema_arrow)) if name == _BASE else set()
    return files


def _opened(file: Place) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    opened = pq.ParquetFile(pa.BufferReader(file.read()))
    if not {_RUNS, _EXTENTS} <= set(opened.schema_arrow.metadata or {}):
        msg = "it was made by another version of ctbench"
        raise ValueError(msg)
    return opened


def _known(tables: Sequence[Any]) -> list[str]:
    return [run for table in tables for run in _runs_of(table.schema)]


def _runs_of(schema: Any) -> list[str]:
    return list(json.loads(schema.metadata[_RUNS]))


def unit_of(table: Any) -> str:
    """Return the unit of the values of a partition's table."""
    return str(table.schema.metadata[b"unit"].decode())


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
