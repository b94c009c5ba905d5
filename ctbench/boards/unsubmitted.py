"""Runs that were not submitted, read from their folders like the runs of a board; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.boards.partitions import Partition, encoded, unit_of
from ctbench.boards.storage import Place
from ctbench.files import sha256
from ctbench.runs.folder import RunFolder
from ctbench.scores import SCORE_COLUMNS

__all__ = ["loose_partitions", "loose_runs", "loose_table"]

_DEPTHS = ("run.json", "*/run.json", "*/*/run.json")


def loose_runs(place: Place) -> dict[str, Path]:
    """Return the run folders in a folder that is not a board: digest -> folder, in the order of their paths."""
    root = place.local
    if root is None or (root / "index.parquet").exists() or not root.is_dir():
        return {}
    found = sorted(path for depth in _DEPTHS for path in root.glob(depth))
    return {sha256(path): path.parent for path in found if path.is_file()}


def loose_partitions(folders: Mapping[str, Path], runs: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs (metric, reference) that have scores in some runs."""
    import pyarrow.parquet as pq

    pairs: set[tuple[str, str]] = set()
    for run in runs:
        table = pq.read_table(RunFolder(folders[run]).scores, columns=["metric", "reference"])
        pairs |= set(table.to_pandas().drop_duplicates().itertuples(index=False, name=None))
    return sorted(pairs)


def loose_table(folders: Mapping[str, Path], partition: Partition, runs: Sequence[str]) -> Any:
    """Return the rows of one partition from some runs, like ``ctbench.boards.partitions.partition_table``."""
    import pyarrow as pa

    _, metric, reference = partition
    only = [("metric", "=", metric), ("reference", "=", reference)]
    columns = ["run", *SCORE_COLUMNS]
    tables = []
    for run in runs:
        rows = pd.read_parquet(RunFolder(folders[run]).scores, columns=list(SCORE_COLUMNS), filters=only)
        tables.append(encoded(rows.assign(run=run)))
    filled = [table for table in tables if len(table)] or [encoded(pd.DataFrame(columns=columns))]
    table = pa.concat_tables([table.replace_schema_metadata(None) for table in filled]).unify_dictionaries()
    return table.replace_schema_metadata({b"unit": unit_of(filled[0].schema).encode()})
