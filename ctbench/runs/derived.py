"""The derived tables of a board: one partition for each dataset, metric and reference, so that a page reads one.

A partition is ``base.parquet`` and a few files ``DIGEST.parquet`` of runs that came since; when they are many, they are
folded into the base. That way a run is added without rewriting what is there, and a page never opens hundreds of files.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from ctbench.errors import StoreError
from ctbench.runs.folder import SCORE_COLUMNS
from ctbench.runs.manifest import Manifest
from ctbench.runs.places import Place

__all__ = ["add_run", "fold", "read_partition"]

Partition = tuple[str, str, str]
"""Dataset, metric, reference."""

_COLUMNS = ("run", *(name for name in SCORE_COLUMNS if name not in {"dataset", "metric", "reference", "unit"}))
_MOST_FILES = 16
_BASE = "base.parquet"
_RUNS = b"runs"


def add_run(place: Place, digest: str, manifest: Manifest, scores: bytes) -> int:
    """Add the scores of a run to its partitions.

    Args:
        place: of the board.
        digest: of the run.
        manifest: of the run.
        scores: the bytes of its ``scores.parquet``.

    Returns:
        how many cases have no prediction.

    Raises:
        StoreError: the scores are no table of this form, or are not of this run.
    """
    rows = _rows(digest, manifest, scores)
    for (metric, reference), own in rows.groupby(["metric", "reference"], observed=True):
        folder = _folder(place, (manifest.dataset, str(metric), str(reference)))
        _write(folder / f"{digest}.parquet", _encoded(own), [digest])
    lost = rows[rows["status"].isin(["failed", "missing"])]
    return int(lost["case"].nunique())


def fold(place: Place, dataset: str, runs: Sequence[str] | None = None) -> None:
    """Fold the partitions of a dataset that have come to many files; or all, dropping the rows of all but some runs."""
    for folder in _partitions(place / "leaderboard.parquet" / f"dataset={quote(dataset, safe='')}"):
        if runs is not None or len(folder.names()) > _MOST_FILES:
            _fold(folder, runs)


def read_partition(place: Place, partition: Partition, runs: Sequence[str]) -> pd.DataFrame:
    """Read the rows of some runs; names are categories."""
    import pyarrow as pa
    import pyarrow.compute as pc

    folder = _folder(place, partition)
    tables = _tables(folder)
    if not tables:
        return pd.DataFrame(columns=["run", *SCORE_COLUMNS])
    table = pa.concat_tables([table.select(list(_COLUMNS)) for table in tables]).unify_dictionaries()
    if not set(_known(tables)) <= set(runs):
        table = table.filter(pc.is_in(table["run"].cast(pa.string()), pa.array(runs, pa.string())))
    frame: pd.DataFrame = table.to_pandas()
    dataset, metric, reference = partition
    constant = {"dataset": dataset, "metric": metric, "reference": reference, "unit": _unit(tables)}
    for name, value in constant.items():
        frame[name] = pd.Categorical.from_codes(np.zeros(len(frame), np.int8), pd.Index([value]))
    return frame[["run", *SCORE_COLUMNS]]


def _rows(digest: str, manifest: Manifest, scores: bytes) -> pd.DataFrame:
    try:
        rows = pd.read_parquet(io.BytesIO(scores), columns=list(SCORE_COLUMNS))
    except (OSError, ValueError, KeyError) as error:
        msg = f"the scores of run {digest} cannot be read: {error}"
        raise StoreError(msg) from error
    if set(rows["dataset"].unique()) - {manifest.dataset} or set(rows["case"].unique()) - set(manifest.cases):
        msg = f"the scores of run {digest} are of another dataset or of other cases than its manifest says"
        raise StoreError(msg)
    return rows.assign(run=digest)


def _encoded(rows: pd.DataFrame) -> Any:
    import pyarrow as pa

    table = pa.Table.from_pandas(rows[[*_COLUMNS, "unit"]], preserve_index=False).replace_schema_metadata(None)
    unit = str(rows["unit"].iloc[0])
    columns = {
        name: table[name].cast(pa.float64()) if name == "value" else table[name].cast(pa.string()).dictionary_encode()
        for name in _COLUMNS
    }
    return pa.table(columns).replace_schema_metadata({b"unit": unit.encode()})


def _write(file: Place, table: Any, runs: Sequence[str]) -> None:
    import pyarrow.parquet as pq

    kept = {**(table.schema.metadata or {}), _RUNS: json.dumps(list(runs)).encode()}
    with file.writing() as buffer:
        pq.write_table(table.unify_dictionaries().replace_schema_metadata(kept), buffer, compression="zstd")


def _fold(folder: Place, runs: Sequence[str] | None) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    tables = _tables(folder)
    known = [run for run in _known(tables) if runs is None or run in set(runs)]
    table = pa.concat_tables(tables).unify_dictionaries()
    table = table.filter(pc.is_in(table["run"].cast(pa.string()), pa.array(known, pa.string())))
    _write(folder / _BASE, table.replace_schema_metadata({b"unit": _unit(tables).encode()}), known)
    for name in folder.names():
        if name != _BASE:
            (folder / name).remove()


def _tables(folder: Place) -> list[Any]:
    """Read the files of a partition; one that was folded into the base already is left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables: list[Any] = []
    for name in sorted(folder.names(), key=lambda name: (name != _BASE, name)):
        if name.startswith(".") or not name.endswith(".parquet"):
            continue
        if tables and name.removesuffix(".parquet") in set(_known(tables)):
            continue
        try:
            tables.append(pq.read_table(pa.BufferReader((folder / name).read())))
        except (OSError, ValueError) as error:
            msg = f"{folder / name} cannot be read: {error}; remove leaderboard.parquet and index.parquet to rebuild"
            raise StoreError(msg) from error
    return tables


def _known(tables: Sequence[Any]) -> list[str]:
    return [run for table in tables for run in json.loads(table.schema.metadata[_RUNS])]


def _unit(tables: Sequence[Any]) -> str:
    return str(tables[0].schema.metadata[b"unit"].decode())


def _folder(place: Place, partition: Partition) -> Place:
    folder = place / "leaderboard.parquet"
    for name, value in zip(("dataset", "metric", "reference"), partition, strict=True):
        folder = folder / f"{name}={quote(value, safe='')}"
    return folder


def _partitions(dataset: Place) -> list[Place]:
    metrics = [dataset / name for name in dataset.names()]
    return [metric / name for metric in metrics for name in metric.names()]
