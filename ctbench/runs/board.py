"""A board: runs that were handed in, and tables derived of them so that a page opens at once.

``runs/DIGEST/`` holds each run as it was handed in, ``withdrawn/DIGEST.json`` a tombstone for each that was taken back:
these are the truth. ``index.parquet`` and ``leaderboard.parquet/`` follow from them, and ``rebuild`` brings them up to
date. The digest of a run is that of its ``run.json``, which has the digests of everything else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.errors import CtbenchError, StoreError, UsageError
from ctbench.files import sha256
from ctbench.runs.derived import add_run, fold, read_partition
from ctbench.runs.exclusive import exclusive
from ctbench.runs.folder import Run, RunFolder
from ctbench.runs.manifest import Manifest, parse_manifest
from ctbench.runs.places import Place

__all__ = ["Board", "open_board", "rebuild", "submit", "withdraw"]

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
    "manifest",
    "problem",
)
"""The columns of ``Board.runs``: ``run`` is a digest, ``manifest`` the text of ``run.json``, ``problem`` says why a run
cannot be shown, else it is empty."""


@dataclass(frozen=True)
class Board:
    """A board, opened: one small table is read, the scores when they are asked for.

    Args:
        place: its folder.
        runs: a row for each run, with the columns ``INDEX_COLUMNS``.
    """

    place: Place
    runs: pd.DataFrame

    def manifest(self, run: str) -> Manifest:
        """Give the manifest of a run, by its digest.

        Raises:
            UsageError: no such run.
        """
        own = self.runs.loc[self.runs["run"] == run, "manifest"]
        if own.empty:
            msg = f"the board has no run {run}"
            raise UsageError(msg)
        return parse_manifest(str(own.iloc[0]), f"run {run}")

    def scores(self, dataset: str, metric: str, reference: str) -> pd.DataFrame:
        """Read the scores of all runs on one dataset, of one metric, against one reference.

        Returns:
            The tidy columns and ``run``; names are categories. Empty where there is nothing of the kind.
        """
        own = self.runs[(self.runs["dataset"] == dataset) & (self.runs["problem"] == "")]
        return read_partition(self.place, (dataset, metric, reference), own["run"].tolist())


def open_board(path: str | Path) -> Board:
    """Open a board, which may be empty.

    Raises:
        StoreError: its index cannot be read.
    """
    place = Place.of(path)
    return Board(place, _index(place))


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
    index = _index(place)
    withdrawn = {name.removesuffix(".json") for name in (place / "withdrawn").names()}
    present = [digest for digest in (place / "runs").names() if digest not in withdrawn]
    present = [digest for digest in present if (place / "runs" / digest / "run.json").exists()]
    kept = index[index["run"].isin(present)]
    new = [digest for digest in present if digest not in set(index["run"])]
    if len(kept) == len(index) and not new:
        return
    rows = [_add(place, digest) for digest in new]
    gone = set(index.loc[~index["run"].isin(present), "dataset"])
    for dataset in sorted({row["dataset"] for row in rows} | gone):
        fold(place, dataset, present if dataset in gone else None)
    table = pd.concat([kept, pd.DataFrame(rows, columns=list(INDEX_COLUMNS))], ignore_index=True)
    # The index comes last: a run that is in it is in the tables.
    with (place / "index.parquet").writing() as file:
        table.astype({"cases": int, "failed": int}).to_parquet(file, index=False, compression="zstd")


def _add(place: Place, digest: str) -> dict[str, Any]:
    """Take a run into the tables; one that cannot be read is listed with the reason, and breaks nothing."""
    own = place / "runs" / digest
    row: dict[str, Any] = dict.fromkeys(INDEX_COLUMNS, "") | {"run": digest, "cases": 0, "failed": 0}
    try:
        text = (own / "run.json").read().decode("utf-8", errors="replace")
        manifest = parse_manifest(text, f"run {digest}")
        lost = add_run(place, digest, manifest, (own / "scores.parquet").read())
    except CtbenchError as error:
        return row | {"problem": str(error)}
    stamp = own / "submitted.json"
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
        "submitted": json.loads(stamp.read()).get("submitted", "") if stamp.exists() else "",
        "manifest": text,
    }


def _index(place: Place) -> pd.DataFrame:
    file = place / "index.parquet"
    if not file.exists():
        return pd.DataFrame(columns=list(INDEX_COLUMNS)).astype({"cases": int, "failed": int})
    import io

    try:
        return pd.read_parquet(io.BytesIO(file.read()), columns=list(INDEX_COLUMNS))
    except (OSError, ValueError) as error:
        msg = f"{file} cannot be read: {error}; remove it, and the next submission makes it anew"
        raise StoreError(msg) from error
