"""A board: runs that were handed in, and tables derived of them so that a page opens at once.

``runs/DIGEST/`` holds each run as it was handed in, ``withdrawn/DIGEST.json`` a tombstone for each that was taken back:
these are the truth. ``index.parquet`` and ``leaderboard.parquet/`` follow from them, and ``rebuild`` brings them up to
date. The digest of a run is that of its ``run.json``, which has the digests of everything else.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.errors import CtbenchError, StoreError, UsageError
from ctbench.files import sha256
from ctbench.runs.derived import add_run, checked_scores, fold, framed, partition_table, partitions, unit_of
from ctbench.runs.exclusive import exclusive
from ctbench.runs.folder import Run, RunFolder, open_run
from ctbench.runs.grid import Grid
from ctbench.runs.loose import loose_partitions, loose_runs, loose_table
from ctbench.runs.manifest import Manifest, parse_manifest
from ctbench.runs.places import Place
from ctbench.runs.rules import rules_digest

__all__ = ["Board", "board_stamp", "open_board", "rebuild", "submit", "withdraw"]

INDEX_COLUMNS = (
    "run",
    "dataset",
    "rater",
    "rater_kind",
    "version",
    "split",
    "cases",
    "failed",
    "consensus",
    "dataset_fingerprint",
    "submitted",
    "rules",
    "overall_of",
    "metrics",
    "trained_here",
    "seconds",
    "manifest",
    "problem",
)
"""The columns of ``Board.runs``.

``run`` is a digest; ``rules`` a digest that runs share which may be compared; ``overall_of`` the structures that the
overall mean goes over, and ``metrics`` the versions of their definitions, both as JSON; ``trained_here`` says that the
predictor was fitted on this dataset; ``seconds`` is the median time of a prediction (null where it is not known);
``manifest`` is the text of ``run.json``; ``problem`` says why a run cannot be shown, else it is empty."""

_TYPES: dict[str, Any] = {"cases": int, "failed": int, "trained_here": bool, "seconds": float}


@dataclass(frozen=True)
class Board:
    """A board, opened: one small table is read, the scores when they are asked for.

    Args:
        place: its folder.
        runs: a row for each run, with the columns ``INDEX_COLUMNS``.
        folders: digest -> folder, of runs that were never handed in; empty for a board.
    """

    place: Place
    runs: pd.DataFrame
    folders: Mapping[str, Path] = field(default_factory=dict)

    def manifest(self, run: str) -> Manifest:
        """Give the manifest of a run, by its digest.

        Raises:
            UsageError: no such run.
        """
        return parse_manifest(str(self._row(run)["manifest"]), f"run {run}")

    def run(self, run: str) -> Run:
        """Open a run with its predictions, times and log, by its digest.

        Raises:
            UsageError: no such run.
            StoreError: the board is in a store of objects, or the run's files cannot be read.
        """
        self._row(run)
        if run in self.folders:
            return open_run(self.folders[run])
        if self.place.local is None:
            msg = (
                f"the files of run {run} are in a store of objects, {self.place}; copy the board to a folder to see it"
            )
            raise StoreError(msg)
        return open_run(self.place.local / "runs" / run)

    def partitions(self, dataset: str) -> list[tuple[str, str]]:
        """List the metrics and references of which there are scores on a dataset, as pairs."""
        if self.folders:
            return loose_partitions(self.folders, self._usable(dataset, None))
        return partitions(self.place, dataset)

    def scores(self, dataset: str, metric: str, reference: str, runs: Sequence[str] | None = None) -> pd.DataFrame:
        """Read the scores on one dataset, of one metric, against one reference.

        Args:
            dataset: its name.
            metric: its name.
            reference: its name.
            runs: digests of those to read; None: all.

        Returns:
            The tidy columns and ``run``; names are categories. Empty where there is nothing of the kind.
        """
        return framed(self._table((dataset, metric, reference), runs), (dataset, metric, reference))

    def grid(self, dataset: str, metric: str, reference: str, runs: Sequence[str] | None = None) -> Grid:
        """Read the same scores as an array."""
        table = self._table((dataset, metric, reference), runs)
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
    """Open a board, which may be empty; or, as one, a folder of runs that were never handed in (``runs``, ``demo``).

    Of such a folder all runs are read that lie in it or one folder further down.

    Raises:
        StoreError: its index cannot be read, or an earlier version of ctbench made it.
    """
    place = Place.of(path)
    folders = loose_runs(place)
    if not folders:
        return Board(place, _index(place))
    rows = [index_row(digest, Place.of(folder), _counted_loss) for digest, folder in folders.items()]
    return Board(place, _typed(pd.DataFrame(rows, columns=list(INDEX_COLUMNS))), folders)


def board_stamp(path: str | Path) -> str:
    """Give a text that changes when a board does: what was read of it may be kept as long as this stays."""
    place = Place.of(path)
    folders = loose_runs(place)
    if folders:
        return hashlib.sha256("".join(folders).encode()).hexdigest()
    index = place / "index.parquet"
    return hashlib.sha256(index.read()).hexdigest() if index.exists() else ""


def submit(run: Run, board: str | Path) -> tuple[str, bool]:
    """Hand a run in. Whether it holds is the caller's to see: ``verify`` says so.

    Args:
        run: a whole run of this schema version.
        board: a folder or a URL.

    Returns:
        its digest, and whether it is new there: a run that is on the board already changes nothing.

    Raises:
        UsageError: the run was withdrawn, is a shard, or is too old to have digests of its results.
        StoreError: the board cannot be written.
    """
    place, paths = Place.of(board), RunFolder(run.folder)
    if run.manifest.shard or not run.manifest.scores_digest:
        what = "is a shard of one; merge it first" if run.manifest.shard else "has no digests; score it again"
        msg = f"{run.folder} cannot stand on a board: it {what}"
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
    """Take a run back: its files go, a tombstone stays, and it cannot be handed in again.

    Raises:
        UsageError: the board has no such run.
    """
    place = Place.of(board)
    with _alone(place):
        own, tombstone = place / "runs" / digest, place / "withdrawn" / f"{digest}.json"
        if not digest or "/" in digest or not ((own / "run.json").exists() or tombstone.exists()):
            msg = f"{place} has no run {digest!r}; its runs: {', '.join((place / 'runs').names()) or 'none'}"
            raise UsageError(msg)
        if not tombstone.exists():
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            tombstone.write(json.dumps({"withdrawn": stamp, "reason": reason}, ensure_ascii=False).encode())
        own.remove()
        _bring_up_to_date(place)


def rebuild(board: str | Path) -> Board:
    """Bring the derived tables up to what is handed in: only runs that are new are read.

    Raises:
        StoreError: the board cannot be written.
    """
    place = Place.of(board)
    with _alone(place):
        _bring_up_to_date(place)
    return open_board(board)


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Let one process at a time write a board of this machine; in a store of objects the last one wins."""
    if place.local is not None:
        try:
            place.local.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"cannot write the board {place}: {error.strerror}; choose a folder that you may write to"
            raise StoreError(msg) from error
    with nullcontext() if place.local is None else exclusive(place.local / ".lock"):
        yield


def _bring_up_to_date(place: Place) -> None:
    index = _index(place, outdated=_nothing())
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
    table = pd.concat([kept, _typed(pd.DataFrame(rows, columns=list(INDEX_COLUMNS)))], ignore_index=True)
    write_index(place, table)  # comes last: a run that is in it is in the tables


def write_index(place: Place, rows: pd.DataFrame) -> None:
    """Write the table of the runs, with the columns ``INDEX_COLUMNS``."""
    with (place / "index.parquet").writing() as file:
        _typed(rows[list(INDEX_COLUMNS)]).to_parquet(file, index=False, compression="zstd")


def index_row(digest: str, own: Place, take: Callable[[str, Manifest, bytes], int]) -> dict[str, Any]:
    """Make the row of a run; one that cannot be read is listed with the reason, and breaks nothing.

    Args:
        digest: of the run.
        own: its folder.
        take: gets digest, manifest and the bytes of the scores, and gives the number of cases without a prediction.
    """
    row: dict[str, Any] = dict.fromkeys(INDEX_COLUMNS, "") | {"run": digest, "seconds": math.nan}
    row |= {"cases": 0, "failed": 0, "trained_here": False}
    try:
        text = (own / "run.json").read().decode("utf-8", errors="replace")
        manifest = parse_manifest(text, f"run {digest}")
        lost = take(digest, manifest, (own / "scores.parquet").read())
    except CtbenchError as error:
        return row | {"problem": str(error)}
    return row | {
        "dataset": manifest.dataset,
        "rater": manifest.rater,
        "rater_kind": manifest.rater_kind,
        "version": manifest.predictor.version if manifest.predictor else "",
        "split": manifest.split,
        "cases": len(manifest.cases),
        "failed": lost,
        "consensus": manifest.consensus,
        "dataset_fingerprint": manifest.dataset_fingerprint,
        "submitted": _stamped(own / "submitted.json"),
        "rules": rules_digest(manifest),
        "overall_of": json.dumps(_overall_of(manifest)),
        "metrics": json.dumps(manifest.metrics),
        "trained_here": bool(manifest.predictor and manifest.dataset in manifest.predictor.training_datasets),
        "seconds": _seconds(own / "times.parquet"),
        "manifest": text,
    }


def _stamped(file: Place) -> str:
    """Give when a run was handed in; empty where nobody knows."""
    try:
        return str(json.loads(file.read())["submitted"])
    except (CtbenchError, ValueError, KeyError, TypeError):
        return ""


def _overall_of(manifest: Manifest) -> list[str]:
    """Name what the overall mean goes over: the labels that the predictor claims; where it claims none, its groups."""
    labels, groups = (
        [name for name in names if name not in manifest.unsupported]
        for names in (sorted(manifest.labels, key=manifest.labels.__getitem__), manifest.groups)
    )
    return labels or groups


def _seconds(times: Place) -> float:
    """Give the median time of a prediction; times are no part of a result, and a run may lack them."""
    try:
        frame = pd.read_parquet(io.BytesIO(times.read()), columns=["phase", "seconds"])
    except (CtbenchError, OSError, ValueError):
        return math.nan
    return float(frame.loc[frame["phase"] == "predict", "seconds"].median())


def _counted_loss(digest: str, manifest: Manifest, scores: bytes) -> int:
    return checked_scores(digest, manifest, scores)[1]


def _nothing() -> pd.DataFrame:
    return _typed(pd.DataFrame(columns=list(INDEX_COLUMNS)))


def _typed(index: pd.DataFrame) -> pd.DataFrame:
    texts = dict.fromkeys((name for name in INDEX_COLUMNS if name not in _TYPES), object)
    return index.astype(texts | _TYPES)


def _index(place: Place, outdated: pd.DataFrame | None = None) -> pd.DataFrame:
    """Read the index; of one that an earlier version of ctbench made, give ``outdated``, or say so."""
    file = place / "index.parquet"
    if not file.exists():
        return _nothing()
    try:
        index = pd.read_parquet(io.BytesIO(file.read()))
    except (OSError, ValueError) as error:
        msg = f"{file} cannot be read: {error}; remove it, and the next submission makes it anew"
        raise StoreError(msg) from error
    if set(INDEX_COLUMNS) <= set(index.columns):
        return _typed(index[list(INDEX_COLUMNS)])
    if outdated is None:
        msg = f"{file} was made by an earlier version of ctbench; `ctbench.runs.rebuild`, or a submission, renews it"
        raise StoreError(msg)
    return outdated
