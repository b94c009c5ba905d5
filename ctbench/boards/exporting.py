"""Export of a board's runs and scores as CSV and Parquet files, with a data dictionary of every column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import pandas as pd

from ctbench.boards import index
from ctbench.boards.board import Board
from ctbench.files import expect_new, whole_file, write_bytes
from ctbench.scores import COLUMNS, OUTCOMES, SCORE_COLUMNS, Column
from ctbench.spreadsheet import as_csv, as_parquet

__all__ = ["RUN_COLUMNS", "TableFormat", "export_board"]

TableFormat = Literal["csv", "parquet"]
_Append = Callable[[pd.DataFrame], object]

RUN_COLUMNS = (
    *(column for column in index.COLUMNS if column.name != "manifest"),
    Column("checked", "text", "", "Whether the owner of the board has scored the predictions again."),
)
"""The columns of the exported table of runs: those of ``Board.runs`` without the text of ``run.json``."""

_SCORE_COLUMNS = (RUN_COLUMNS[0], *COLUMNS)
"""The columns of the exported table of scores: the digest of the run first."""

_DICTIONARY = "columns.csv"


def export_board(board: Board, folder: Path, formats: Sequence[TableFormat] = ("csv", "parquet")) -> tuple[Path, ...]:
    """Write the runs and all scores of a board as tables, and ``columns.csv``, which describes every column.

    Scores are read and written one dataset, metric and reference at a time, so that memory does not grow with the
    board. Text that a spreadsheet would run stands behind an apostrophe in CSV.

    Args:
        board: A board, or runs opened as one.
        folder: The folder to write: ``runs``, ``scores`` in each format, and ``columns.csv``.
        formats: ``csv``, ``parquet`` or both. Default: both.

    Returns:
        The files, the data dictionary first.

    Raises:
        UsageError: One of the files exists.
        StoreError: A table of the board cannot be read.
    """
    tables = [f"{table}.{form}" for table in ("runs", "scores") for form in formats]
    paths = [folder / name for name in (_DICTIONARY, *tables)]
    expect_new(*paths)
    runs = board.runs[[column.name for column in RUN_COLUMNS]]
    for form in formats:
        write_bytes(folder / f"runs.{form}", as_parquet(runs) if form == "parquet" else _csv(runs))
    with ExitStack() as stack:
        writers = [stack.enter_context(_WRITERS[form](folder / f"scores.{form}")) for form in formats]
        for part in _scores(board):
            for append in writers:
                append(part)
    write_bytes(folder / _DICTIONARY, _csv(_dictionary()))
    return tuple(paths)


def _scores(board: Board) -> Iterator[pd.DataFrame]:
    """Yield the tidy scores with the column ``run`` first, a dataset, metric and reference at a time, in run order."""
    for dataset in sorted(board.runs.loc[board.runs["problem"] == "", "dataset"].unique()):
        for metric, reference in board.partitions(dataset):
            found = board.scores(dataset, metric, reference).sort_values(["run", "rater", "case", "label"])
            texts = {name: found[name].astype(object) for name in ("run", *SCORE_COLUMNS) if name != "value"}
            yield found.assign(**texts)[["run", *SCORE_COLUMNS]]


def _dictionary() -> pd.DataFrame:
    """Return a row for each column of both tables: table, column, type, unit, meaning."""
    rows = [("runs", column) for column in RUN_COLUMNS] + [("scores", column) for column in _SCORE_COLUMNS]
    described = [(table, column.name, column.type, column.unit, column.meaning) for table, column in rows]
    described += [("scores", f"status = {name}", "text", "", outcome) for name, outcome in OUTCOMES.items()]
    return pd.DataFrame(described, columns=["table", "column", "type", "unit", "meaning"])


def _csv(frame: pd.DataFrame) -> bytes:
    return as_csv(frame, line_end="\n")


@contextmanager
def _csv_writer(path: Path) -> Iterator[_Append]:
    """Yield a function that adds scores to a CSV file."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        file.write(_csv(pd.DataFrame(columns=[column.name for column in _SCORE_COLUMNS])))
        yield lambda part: file.write(_csv(part).partition(b"\n")[2])


@contextmanager
def _parquet_writer(path: Path) -> Iterator[_Append]:
    """Yield a function that adds scores to a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {column.name: pa.float64() if column.type == "number" else pa.string() for column in _SCORE_COLUMNS}
    schema = pa.schema([pa.field(name, kind) for name, kind in kinds.items()])
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        yield lambda part: writer.write_table(pa.Table.from_pandas(part, schema=schema, preserve_index=False))


_WRITERS: MappingProxyType[TableFormat, Callable[[Path], AbstractContextManager[_Append]]] = MappingProxyType(
    {"csv": _csv_writer, "parquet": _parquet_writer}
)
