"""A board: submitted runs, and tables derived from them so that a page opens at once.

``runs/DIGEST/`` holds each run as it was submitted, ``withdrawn/DIGEST.json`` a tombstone for each withdrawn run.
``index.parquet`` and ``leaderboard.parquet/`` are derived from them, and ``rebuild`` brings them up to date. The digest
of a run is that of its ``run.json``, which holds the digests of everything else.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.boards.grid import Grid
from ctbench.boards.index import current_index, index_row, read_index, typed_index, write_index
from ctbench.boards.partitions import (
    add_run,
    checked_scores,
    fold,
    framed,
    partition_blocks,
    partition_table,
    partitions,
    unit_of,
)
from ctbench.boards.storage import Place
from ctbench.boards.unsubmitted import loose_partitions, loose_runs, loose_table
from ctbench.errors import StoreError, UsageError
from ctbench.files import sha256
from ctbench.runs.claims import claim
from ctbench.runs.folder import Run, RunFolder, open_run
from ctbench.runs.manifest import Manifest, parse_manifest

__all__ = ["Board", "board_of", "board_stamp", "open_board", "rebuild", "submit", "withdraw"]


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
        _expect_digest(run)
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


def submit(run: Run, board: str | Path) -> tuple[str, bool]:
    """Submit a run to a board; the caller verifies it first (see ``ctbench.runs.verify``).

    Args:
        run: A complete run of this schema version.
        board: A folder or a URL.

    Returns:
        The digest of the run, and whether it is new: submitting a run again changes nothing.

    Raises:
        UsageError: The run was withdrawn, is a shard, or is too old to have digests of its results.
        StoreError: The board cannot be written, or a file of the run is a link.
    """
    place, paths = Place.of(board), RunFolder(run.folder)
    paths.expect_no_links()
    if run.manifest.shard or not run.manifest.scores_digest:
        what = "is a shard of one; merge it first" if run.manifest.shard else "has no digests; score it again"
        msg = f"{run.folder} cannot be submitted: it {what}"
        raise UsageError(msg)
    digest = sha256(paths.manifest)
    with _alone(place):
        tombstone = place / "withdrawn" / f"{digest}.json"
        if tombstone.exists():
            why = json.loads(tombstone.read()).get("reason") or "no reason was given"
            msg = f"{run.folder} was withdrawn from {place}: {why}"
            raise UsageError(msg)
        own = place / "runs" / digest
        new = not (own / "run.json").exists()
        if new:
            kept = [paths.scores, paths.times, paths.log, *sorted(paths.predictions.glob("*"))]
            for path in (path for path in kept if path.is_file()):
                (own / path.relative_to(paths.path).as_posix()).write(path.read_bytes())
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            (own / "submitted.json").write(json.dumps({"submitted": stamp}).encode())
            (own / "run.json").write(paths.manifest.read_bytes())  # the commit mark, here too
        _bring_up_to_date(place)
    return digest, new


def withdraw(digest: str, board: str | Path, reason: str = "") -> None:
    """Withdraw a run: its files are deleted, a tombstone stays, and it cannot be submitted again.

    Raises:
        UsageError: The board has no such run.
    """
    place = Place.of(board)
    _expect_digest(digest)
    with _alone(place):
        own, tombstone = place / "runs" / digest, place / "withdrawn" / f"{digest}.json"
        if not ((own / "run.json").exists() or tombstone.exists()):
            msg = f"{place} has no run {digest!r}; its runs: {', '.join((place / 'runs').names()) or 'none'}"
            raise UsageError(msg)
        if not tombstone.exists():
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            tombstone.write(json.dumps({"withdrawn": stamp, "reason": reason}, ensure_ascii=False).encode())
        own.remove()
        _bring_up_to_date(place)


def _expect_digest(text: str) -> None:
    """Refuse what is not the name of a run on a board: it becomes part of a path, and ``..`` is the board itself."""
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        msg = f"expected the digest of a run, 64 of the characters 0-9 and a-f, got {text!r}"
        raise UsageError(msg)


def rebuild(board: str | Path) -> Board:
    """Update the derived tables from the submitted runs; only new runs are read.

    Raises:
        StoreError: the board cannot be written.
    """
    place = Place.of(board)
    with _alone(place):
        _bring_up_to_date(place)
    return open_board(board)


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Claim a board on this machine for one process at a time; in an object store the last writer wins."""
    if place.local is not None:
        try:
            place.local.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"cannot write the board {place}: {error.strerror}; choose a folder that you may write to"
            raise StoreError(msg) from error
    with nullcontext() if place.local is None else claim(place.local / ".lock"):
        yield


def _bring_up_to_date(place: Place) -> None:
    index = current_index(place)
    withdrawn = {name.removesuffix(".json") for name in (place / "withdrawn").names()}
    present = [digest for digest in (place / "runs").names() if digest not in withdrawn]
    present = [digest for digest in present if (place / "runs" / digest / "run.json").exists()]
    kept = index[index["run"].isin(present)]
    new = [digest for digest in present if digest not in set(index["run"])]
    if len(kept) == len(index) and not new:
        return
    rows = [index_row(digest, place / "runs" / digest, partial(add_run, place)) for digest in new]
    gone = set(index.loc[~index["run"].isin(present), "dataset"])
    for dataset in sorted({row["dataset"] for row in rows} | gone):
        fold(place, dataset, present if dataset in gone else None)
    table = pd.concat([kept, typed_index(pd.DataFrame(rows))], ignore_index=True)
    write_index(place, table)  # comes last: a run that is in it is in the tables


def _counted_loss(digest: str, manifest: Manifest, scores: bytes) -> int:
    return checked_scores(digest, manifest, scores)[1]
