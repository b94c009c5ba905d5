"""Reading of Parquet tables whose size a stranger may have chosen: their metadata are checked before their rows.

Parquet packs equal values, so that a file of 1 MB can hold billions of rows or of letters.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctbench.errors import StoreError
from ctbench.files import expect_regular
from ctbench.runs.manifest import Manifest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["expect_bounded", "most_rows", "read_bounded"]

_FREE_ROWS = 1_000_000
_ROWS_PER_BYTE = 4
_FREE_BYTES = 1 << 26
_BYTES_PER_ROW = 256
_TEXT_PER_ROW = 1024
_MOST_PAIRS = 400
"""Raters and references together: of 200 readers, each is scored on two references."""


def most_rows(manifest: Manifest) -> int:
    """Return the largest number of scores that a run with this manifest can have."""
    structures = len(manifest.labels) + len(manifest.groups)
    return len(manifest.cases) * structures * len(manifest.metrics) * _MOST_PAIRS


def read_bounded(
    source: Path | bytes, where: str, rows: int, columns: Sequence[str] | None = None, *, most_bytes: int | None = None
) -> pd.DataFrame:
    """Read a table that has at most so many rows.

    Args:
        source: The file, or its content.
        where: What messages call it.
        rows: Largest number of rows.
        columns: The columns to read; None (default): all.
        most_bytes: Largest size of the unpacked table, and of its texts; None (default): by the number of its rows.

    Raises:
        StoreError: The table is larger than it can be, or is no Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(source, Path) and source.exists():
        expect_regular(source)
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
            texts = _texts(pq.read_schema(stream), columns, where)
            with pq.ParquetFile(stream, read_dictionary=texts) as file:
                expect_bounded(file.metadata, size, where, rows, most_bytes)
                table = file.read(columns=None if columns is None else list(columns), use_threads=False)
        frame: pd.DataFrame = _plain(table, where, most_bytes).to_pandas()
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        msg = f"{where} cannot be read: {error}; score the run again"
        raise StoreError(msg) from error
    return frame


def expect_bounded(
    metadata: Any, size: int, where: str, rows: int | None = None, most_bytes: int | None = None
) -> None:
    """Check the metadata of a Parquet file before its rows are read.

    Args:
        metadata: Metadata of pyarrow.
        size: Bytes of the file.
        where: What messages call it.
        rows: Largest number of rows; None (default): as many as a file of this size may hold.
        most_bytes: Largest size of the unpacked rows; None (default): by their number.

    Raises:
        StoreError: The file has more rows, or its rows more bytes, than they can have.
    """
    fitting = _FREE_ROWS + _ROWS_PER_BYTE * size
    most = fitting if rows is None else min(rows, fitting)
    if metadata.num_rows > most:
        msg = f"{where} has {metadata.num_rows} rows, expected at most {most}; it was not made by ctbench"
        raise StoreError(msg)
    # Not the sizes of its columns: asking for a column whose metadata are wrong ends the process.
    unpacked = sum(metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups))
    if unpacked > (_FREE_BYTES + _BYTES_PER_ROW * metadata.num_rows if most_bytes is None else most_bytes):
        msg = f"{where} unpacks to {unpacked} bytes for {metadata.num_rows} rows; it was not made by ctbench"
        raise StoreError(msg)


def _texts(schema: Any, columns: Sequence[str] | None, where: str) -> list[str]:
    """Return the names of the columns of text; others hold numbers, as nothing bounds what further types unpack to."""
    import pyarrow as pa

    kinds = pa.types
    texts = []
    for field in schema:
        kind = field.type.value_type if kinds.is_dictionary(field.type) else field.type
        if kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind):
            texts.append(field.name)
        elif (columns is None or field.name in columns) and not (
            kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind) or kinds.is_null(kind)
        ):
            msg = f"{where} has a column {field.name[:60]!r} of type {field.type}; it was not made by ctbench"
            raise StoreError(msg)
    return texts


def _plain(table: Any, where: str, most_bytes: int | None) -> Any:
    """Return a table with its texts written out, if they are not too long for that."""
    import pyarrow as pa
    import pyarrow.compute as pc

    letters = 0
    for column in table.columns:
        for chunk in column.chunks if pa.types.is_dictionary(column.type) else ():
            lengths = pc.fill_null(pc.binary_length(chunk.dictionary), 0).to_numpy(zero_copy_only=False)
            used = pc.drop_null(chunk.indices).to_numpy(zero_copy_only=False)
            letters += int(np.bincount(used, minlength=len(lengths)) @ lengths.astype(np.int64)) if len(used) else 0
    if letters > (_FREE_BYTES + _TEXT_PER_ROW * len(table) if most_bytes is None else most_bytes):
        msg = f"{where} has {letters} bytes of text in {len(table)} rows; it was not made by ctbench"
        raise StoreError(msg)
    plain = [field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field for field in table.schema]
    return table.cast(pa.schema(plain)).replace_schema_metadata(None)
