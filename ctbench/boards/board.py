"""Reading of a board: its table of runs, their scores and files, and folders of runs that were never submitted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.boards.grid import Grid
from ctbench.boards.index import index_row, read_index, typed_index
from ctbench.boards.partitions import (
    checked_scores,
    framed,
    partition_blocks,
    partition_table,
    partitions,
    unit_of,
)
from ctbench.boards.storage import Place, expect_digest
from ctbench.boards.unsubmitted import loose_partitions, loose_runs, loose_table
from ctbench.errors import StoreError, UsageError
from ctbench.files import sha256
from ctbench.runs.folder import Run, RunFolder, open_run
from ctbench.runs.manifest import Manifest, parse_manifest

__all__ = ["Board", "board_of", "board_stamp", "open_board"]


@dataclass(frozen=True)
class Board:
    """An open board: the table of runs is in memory, scores are read on demand.

    Args:
        place: Folder of the board.
        runs: A row for each run, with the columns ``ctbench.boards.index.INDEX_COLUMNS``.
        folders: Digest -> folder, of runs that were never submitted; empty for a board.
    """

    place: Place
    runs: pd.DataFrame
    folders: Mapping[str, Path] = field(default_factory=dict)

    def manifest(self, run: str) -> Manifest:
        """Return the manifest of a run, by its digest.

        Raises:
            UsageError: The board has no such run.
        """
        return parse_manifest(str(self._row(run)["manifest"]), f"run {run}")

    def run(self, run: str) -> Run:
        """Open a run with its predictions, times and log, by its digest.

        Raises:
            UsageError: The board has no such run.
            StoreError: The board is in an object store, or the run's files cannot be read.
        """
        self._row(run)
        if run in self.folders:
            return open_run(self.folders[run])
        expect_digest(run)
        if self.place.local is None:
            msg = f"the files of run {run} are in an object store, {self.place}; copy the board to a local folder first"
            raise StoreError(msg)
        return open_run(self.place.local / "runs" / run)

    def partitions(self, dataset: str) -> list[tuple[str, str]]:
        """Return the pairs (metric, reference) that have scores on a dataset."""
        if self.folders:
            return loose_partitions(self.folders, self._usable(dataset, None))
        return partitions(self.place, dataset)

    def scores(self, dataset: str, metric: str, reference: str, runs: Sequence[str] | None = None) -> pd.DataFrame:
        """Read the scores on one dataset, of one metric, against one reference.

        Args:
            dataset: Name of the dataset.
            metric: Name of the metric.
            reference: Name of the reference.
            runs: Digests of the runs to read; None (default): all.

        Returns:
            The tidy columns and ``run``; names are categories. Empty if there are no such scores.
        """
        return framed(self._table((dataset, metric, reference), runs), (dataset, metric, reference))

    def grid(self, dataset: str, metric: str, reference: str, runs: Sequence[str] | None = None) -> Grid:
        """Return the same scores as an array."""
        partition, usable = (dataset, metric, reference), self._usable(dataset, runs)
        if not self.folders:
            return Grid.of_blocks(*partition_blocks(self.place, partition, usable))
        table = loose_table(self.folders, partition, usable)
        return Grid.of_table(table, unit_of(table))

    def _table(self, partition: tuple[str, str, str], runs: Sequence[str] | None) -> Any:
        usable = self._usable(partition[0], runs)
        if self.folders:
            return loose_table(self.folders, partition, usable)
        return partition_table(self.place, partition, usable)

    def _usable(self, dataset: str, runs: Sequence[str] | None) -> list[str]:
        own = self.runs[(self.runs["dataset"] == dataset) & (self.runs["problem"] == "")]
        return own["run"].tolist() if runs is None else own.loc[own["run"].isin(list(runs)), "run"].tolist()

    def _row(self, run: str) -> pd.Series:
        own = self.runs[self.runs["run"] == run]
        if own.empty:
            msg = f"the board has no run {run}"
            raise UsageError(msg)
        return own.iloc[0]


def open_board(path: str | Path) -> Board:
    """Open a board, which may be empty, or a folder of runs that were never submitted (``runs``, ``demo``).

    In such a folder all runs are read that are in it or in one of its folders.

    Raises:
        StoreError: The index of the board cannot be read, or an earlier version of ctbench made it.
    """
    place = Place.of(path)
    folders = loose_runs(place)
    if not folders:
        return Board(place, read_index(place))
    return _loose_board(place, folders)


def board_of(runs: Iterable[Run]) -> Board:
    """Return runs that were never submitted as a board, in their order; nothing is written.

    Args:
        runs: Runs in folders of this machine, at least one.
    """
    folders = {sha256(RunFolder(run.folder).manifest): run.folder for run in runs}
    return _loose_board(Place.of(next(iter(folders.values())).parent), folders)


def _loose_board(place: Place, folders: Mapping[str, Path]) -> Board:
    rows = [index_row(digest, Place.of(folder), _counted_loss) for digest, folder in folders.items()]
    return Board(place, typed_index(pd.DataFrame(rows)), folders)


def board_stamp(path: str | Path) -> str:
    """Return a text that changes whenever the board changes, as the key of a cache."""
    place = Place.of(path)
    folders = loose_runs(place)
    if folders:
        return hashlib.sha256("".join(folders).encode()).hexdigest()
    index = place / "index.parquet"
    return hashlib.sha256(index.read()).hexdigest() if index.exists() else ""


def _counted_loss(digest: str, manifest: Manifest, scores: bytes) -> int:
    return checked_scores(digest, manifest, scores)[1]
