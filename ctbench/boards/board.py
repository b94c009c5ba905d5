"""Reading of a board: its table of runs, their scores and files, and folders of runs that were never submitted."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.boards.blocks import Block, blocks, digests_by_run, laid_out
from ctbench.boards.grid import Grid, StoredGrid
from ctbench.boards.index import facts_of, index_row, read_index, typed_index
from ctbench.boards.partitions import (
    Partition,
    checked_scores,
    framed,
    partition_blocks,
    partition_extents,
    partition_table,
    partitions,
    unit_of,
)
from ctbench.boards.record import Record, Statement, expect_outside, read_record
from ctbench.boards.storage import Place, expect_digest
from ctbench.boards.unsubmitted import loose_partitions, loose_runs, loose_table
from ctbench.displays import Displayed, names_in_short
from ctbench.errors import StoreError, UsageError
from ctbench.files import expect_regular, sha256
from ctbench.runs.folder import Run, RunFolder, open_run
from ctbench.runs.manifest import Manifest, parse_manifest

__all__ = ["CHECKED", "Board", "board_of", "board_stamp", "open_board"]

CHECKED = ("verified by the owner", "as submitted", "not submitted")
"""Whether the owner of the board has scored a run again: yes; not that it is known here; there is no board."""


@dataclass(frozen=True, repr=False)
class Board(Displayed):
    """An open board: the table of runs is in memory, scores are read on demand.

    Args:
        place: Folder of the board.
        runs: A row for each run, with the columns ``ctbench.boards.index.INDEX_COLUMNS`` and ``checked``: whether the
            owner of the board verified it, one of ``CHECKED``.
        folders: Digest -> folder, of runs that were never submitted; empty for a board.
        record: What the owner verified; None: it is not known here.
    """

    place: Place
    runs: pd.DataFrame
    folders: Mapping[str, Path] = field(default_factory=dict)
    record: Record | None = None

    def _facts(self) -> dict[str, object]:
        return {
            "place": self.place,
            "runs": len(self.runs),
            "datasets": names_in_short(sorted(self.runs["dataset"].unique())),
            "verified": int((self.runs["checked"] == CHECKED[0]).sum()) if self.record is not None else "",
        }

    def only_verified(self) -> Board:
        """Return the board with the runs that its owner verified."""
        return replace(self, runs=self.runs[self.runs["checked"] == CHECKED[0]].reset_index(drop=True))

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
        opened = open_run(self.place.local / "runs" / run)
        paths, stated = RunFolder(opened.folder), opened.manifest
        expect_regular(paths.scores)
        found = sha256(paths.scores), sha256(paths.forecasts) if paths.forecasts.is_file() else ""
        if sha256(paths.manifest) != run or found != (stated.scores_digest or None, stated.probabilities_digest):
            msg = f"run {run} was changed on the board; `ctbench board rebuild` says which files"
            raise StoreError(msg)
        return opened

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
        partition, usable = (dataset, metric, reference), self._usable(dataset, runs)
        if self.folders:
            return framed(loose_table(self.folders, partition, usable), partition)
        table = partition_table(self.place, partition, usable)
        if self._verified:
            self._expect_verified(blocks(*laid_out(table)), unit_of(table.schema), partition, usable)
        return framed(table, partition)

    def grid(self, dataset: str, metric: str, reference: str, runs: Sequence[str] | None = None) -> StoredGrid:
        """Return the same scores as an array, which is read when it is asked for.

        Where the owner's record tells what the scores are, all are read at once, to be compared with it.
        """
        partition, usable = (dataset, metric, reference), self._usable(dataset, runs)
        if self.folders:
            table = loose_table(self.folders, partition, usable)
            return StoredGrid.of(Grid.of_table(table, unit_of(table.schema)))
        if self._verified:
            parts, unit = partition_blocks(self.place, partition, usable)
            self._expect_verified(parts, unit, partition, usable)
            return StoredGrid.of(Grid.of_blocks(parts, unit))
        extents, unit = partition_extents(self.place, partition, usable)
        return StoredGrid.of_blocks(
            extents, unit, lambda runs, label: partition_blocks(self.place, partition, runs, label)[0]
        )

    @cached_property
    def _verified(self) -> dict[str, Statement]:
        """Digest -> statement, of the verified runs."""
        known = self.record.runs if self.record is not None else {}
        return {run: known[run] for run in self.runs.loc[self.runs["checked"] == CHECKED[0], "run"]}

    def _expect_verified(self, parts: Iterable[Block], unit: str, partition: Partition, runs: Sequence[str]) -> None:
        """Compare the scores of verified runs with what the owner found.

        Raises:
            StoreError: The board's tables were edited since.
        """
        _, metric, reference = partition
        found = digests_by_run(parts, unit)
        for run in (run for run in runs if run in self._verified):
            if self._verified[run].tables.get(f"{metric}\t{reference}") != found.get(run):
                msg = (
                    f"the {metric} of run {run} on this board is not what its owner verified; rebuild the tables with "
                    f"`ctbench board rebuild {self.place}`"
                )
                raise StoreError(msg)

    def _usable(self, dataset: str, runs: Sequence[str] | None) -> list[str]:
        own = self.runs[(self.runs["dataset"] == dataset) & (self.runs["problem"] == "")]
        return own["run"].tolist() if runs is None else own.loc[own["run"].isin(list(runs)), "run"].tolist()

    def _row(self, run: str) -> pd.Series:
        own = self.runs[self.runs["run"] == run]
        if own.empty:
            msg = f"the board has no run {run}"
            raise UsageError(msg)
        return own.iloc[0]


def open_board(path: str | Path, record: Path | None = None) -> Board:
    """Open a board, which may be empty, or a folder of runs that were never submitted (``runs``, ``demo``).

    In such a folder all runs are read that are in it or in one of its folders.

    Args:
        path: A folder or a URL.
        record: The owner's record, see ``ctbench board verify``; None: every run is shown as submitted.

    Raises:
        StoreError: The index of the board or the record cannot be read, or an earlier version of ctbench made it.
        UsageError: The record lies in the board, where whoever submits could write it.
    """
    place = Place.of(path)
    folders = loose_runs(place)
    if folders:
        return _loose_board(place, folders)
    index = read_index(place)
    if record is None:
        return Board(place, index.assign(checked=CHECKED[1]))
    expect_outside(record, place)
    known = read_record(record)
    holds = [known.holds(row["run"]) and _is_true(row, known.runs[row["run"]]) for row in index.to_dict("records")]
    return Board(place, index.assign(checked=[CHECKED[0] if one else CHECKED[1] for one in holds]), record=known)


def _is_true(row: Mapping[Hashable, Any], statement: Statement) -> bool:
    """Return whether a row of the index follows from the run's own manifest and from what the owner found."""
    text = str(row["manifest"])
    if hashlib.sha256(text.encode()).hexdigest() != row["run"]:
        return False
    facts = facts_of(parse_manifest(text, f"run {row['run']}")) | {"failed": statement.failed, "problem": ""}
    return all(row[name] == value for name, value in facts.items())


def board_of(runs: Iterable[Run]) -> Board:
    """Return runs that were never submitted as a board, in their order; nothing is written.

    Args:
        runs: Runs in folders of this machine, at least one.
    """
    folders = {sha256(RunFolder(run.folder).manifest): run.folder for run in runs}
    return _loose_board(Place.of(next(iter(folders.values())).parent), folders)


def _loose_board(place: Place, folders: Mapping[str, Path]) -> Board:
    rows = [index_row(digest, Place.of(folder), _counted_loss) for digest, folder in folders.items()]
    return Board(place, typed_index(pd.DataFrame(rows)).assign(checked=CHECKED[2]), folders)


def board_stamp(path: str | Path, record: Path | None = None) -> str:
    """Return a text that changes whenever the board or its owner's record changes, as the key of a cache."""
    place = Place.of(path)
    if record is not None and record.is_file():
        return f"{board_stamp(path)} {sha256(record)}"
    folders = loose_runs(place)
    if folders:
        return hashlib.sha256("".join(folders).encode()).hexdigest()
    index = place / "index.parquet"
    return hashlib.sha256(index.read()).hexdigest() if index.exists() else ""


def _counted_loss(digest: str, manifest: Manifest, scores: bytes) -> int:
    return checked_scores(digest, manifest, scores)[1]
