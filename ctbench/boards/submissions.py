"""Submission of runs to a board, their withdrawal, and the tables that are derived from the submitted runs.

``runs/DIGEST/`` holds each run as it was submitted, ``withdrawn/DIGEST.json`` a tombstone for each withdrawn run.
``index.parquet`` and ``leaderboard.parquet/`` are derived from them. The digest of a run is that of its ``run.json``,
which holds the digests of everything else.

On a disk one process at a time writes a board, and others wait. An object store has no locks: there every process
writes the index until it has all runs that are present, so that the last one to end leaves it whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pandas as pd

from ctbench.boards.board import Board, open_board
from ctbench.boards.index import current_index, index_row, typed_index, write_index
from ctbench.boards.partitions import add_run, fold
from ctbench.boards.storage import Place, expect_digest
from ctbench.boards.tombstones import bury, expect_not_withdrawn
from ctbench.errors import StoreError, UsageError
from ctbench.files import PARTIAL, sha256
from ctbench.runs.claims import claim
from ctbench.runs.digests import predictions_digest_of
from ctbench.runs.folder import Run, RunFolder

__all__ = ["rebuild", "submit", "withdraw"]

_PATIENCE_SECONDS = 600.0
_TRIES = 100
_PAUSE_SECONDS = 0.05
_DIGESTS = ("scores_digest", "predictions_digest", "consensus_digest")


def submit(run: Run, board: str | Path) -> tuple[str, bool]:
    """Submit a run to a board; the caller verifies it first (see ``ctbench.runs.verify``).

    Args:
        run: A complete run of this schema version.
        board: A folder or a URL.

    Returns:
        The digest of the run, and whether it is new: submitting a run again changes nothing.

    Raises:
        UsageError: The run, or one that differs from it in next to nothing, was withdrawn; or it is a shard, or too old
            to have digests of its results.
        StoreError: The board cannot be written, or a file of the run is a link, was changed, or belongs to no case.
    """
    place, paths = Place.of(board), RunFolder(run.folder)
    paths.expect_no_links()
    if run.manifest.shard or not all(getattr(run.manifest, name) for name in _DIGESTS):
        what = "is a shard of one; merge it first" if run.manifest.shard else "has no digests; score it again"
        msg = f"{run.folder} cannot be submitted: it {what}"
        raise UsageError(msg)
    digest, manifest = sha256(paths.manifest), paths.manifest.read_bytes()
    files = _files(run)
    with _alone(place):
        expect_not_withdrawn(place, run, digest)
        own = place / "runs" / digest
        new = not (own / "run.json").exists()
        if new:
            _copy(files, run, own)
            # To the microsecond: of two runs with equal predictions, the later one is the copy.
            stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            (own / "submitted.json").write(json.dumps({"submitted": stamp}).encode())
            (own / "run.json").write(manifest)  # the commit mark, here too
        _bring_up_to_date(place)
    return digest, new


def _files(run: Run) -> list[Path]:
    """Return the files that a board keeps of a run, without its manifest.

    Raises:
        StoreError: There is a prediction of no case, or a table of probabilities that the run did not write: they would
            be published.
    """
    paths = RunFolder.of(run.folder, run.manifest)
    known = {
        path.name
        for case in run.manifest.cases
        for path in (paths.prediction(case), paths.findings(case), *paths.probabilities(case).values())
    }
    predictions = [path for path in sorted(paths.predictions.glob("*")) if not path.name.startswith(PARTIAL)]
    for path in predictions:
        if path.name not in known:
            msg = f"{path} is not a prediction of a case of this run; remove it, or run the predictor again"
            raise StoreError(msg)
    if paths.forecasts.exists() and not run.manifest.keep_probabilities:
        msg = f"{paths.forecasts} is not a file of this run, which keeps no probabilities; remove it"
        raise StoreError(msg)
    return [path for path in (paths.scores, paths.forecasts, paths.times, paths.log, *predictions) if path.is_file()]


def _copy(files: list[Path], run: Run, own: Place) -> None:
    """Copy files to a board; whoever changes one meanwhile does not get it there."""
    digests = {}
    for path in files:
        content = path.read_bytes()
        digests[path] = hashlib.sha256(content).hexdigest()
        (own / path.relative_to(run.folder).as_posix()).write(content)
    paths = RunFolder(run.folder)
    predictions = {path.name: digest for path, digest in digests.items() if path.parent == paths.predictions}
    found = digests.get(paths.scores, ""), predictions_digest_of(predictions), digests.get(paths.forecasts, "")
    stated = run.manifest
    if found != (stated.scores_digest, stated.predictions_digest, stated.probabilities_digest):
        own.remove()
        msg = f"{run.folder} was changed since it was made: its digests differ from run.json; run the predictor again"
        raise StoreError(msg)


def withdraw(digest: str, board: str | Path, reason: str = "") -> None:
    """Withdraw a run: its files are deleted, a tombstone stays, and neither it nor its like can be submitted again.

    Raises:
        UsageError: The board has no such run, or neither the run nor the board belongs to this user.
    """
    place = Place.of(board)
    expect_digest(digest)
    with _alone(place):
        own, tombstone = place / "runs" / digest, place / "withdrawn" / f"{digest}.json"
        if not ((own / "run.json").exists() or tombstone.exists()):
            msg = f"{place} has no run {digest!r}; its runs: {', '.join((place / 'runs').names()) or 'none'}"
            raise UsageError(msg)
        _expect_owner(place, digest)
        if not tombstone.exists():
            bury(place, digest, reason)
        own.remove()
        _bring_up_to_date(place)


def _expect_owner(place: Place, digest: str) -> None:
    """Refuse to withdraw another user's run from another user's board; in an object store its access rules decide."""
    if place.local is None or not hasattr(os, "getuid"):
        return
    files = [path for path in (place.local, place.local / "runs" / digest / "run.json") if path.exists()]
    if os.getuid() not in {0, *(path.stat().st_uid for path in files)}:
        msg = f"run {digest} was submitted by another user; ask that user, or the owner of {place}, to withdraw it"
        raise UsageError(msg)


def rebuild(board: str | Path) -> Board:
    """Make the derived tables anew from the submitted runs, after checking the name and all digests of each run.

    A run that does not have the digests that it states is listed with the reason, and its scores are not shown.

    Raises:
        StoreError: The board cannot be written.
    """
    place = Place.of(board)
    with _alone(place):
        for derived in ("index.parquet", "leaderboard.parquet"):
            (place / derived).remove()
        _bring_up_to_date(place, whole=True)
    return open_board(board)


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Claim a board on this machine for one process at a time, in turn."""
    if place.local is not None:
        try:
            place.local.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"cannot write the board {place}: {error.strerror}; choose a folder that you may write to"
            raise StoreError(msg) from error
    with nullcontext() if place.local is None else claim(place.local / ".lock", _PATIENCE_SECONDS):
        yield


def _bring_up_to_date(place: Place, *, whole: bool = False) -> None:
    """Add new runs to the derived tables and drop those that are gone, until the index has exactly the present runs.

    Args:
        place: Folder of the board.
        whole: Whether to read the predictions of new runs too, and check their digest.
    """
    for number in range(_TRIES):
        if not _added(place, whole=whole):
            return
        if place.local is None and number:
            time.sleep(random.uniform(0, _PAUSE_SECONDS * number))  # noqa: S311  # not a secret: processes take turns
    msg = f"{place} is written by many others all the time; try again, or rebuild it with `ctbench board rebuild`"
    raise StoreError(msg)


def _added(place: Place, *, whole: bool) -> bool:
    """Bring the derived tables up to date once; return whether there was something to do."""
    index = current_index(place)
    withdrawn = {name.removesuffix(".json") for name in (place / "withdrawn").names()}
    present = [digest for digest in (place / "runs").names() if digest not in withdrawn]
    present = [digest for digest in present if (place / "runs" / digest / "run.json").exists()]
    kept = index[index["run"].isin(present)]
    new = [digest for digest in present if digest not in set(index["run"])]
    if len(kept) == len(index) and not new:
        return False
    rows = [index_row(digest, place / "runs" / digest, partial(add_run, place), whole=whole) for digest in new]
    gone = index[~index["run"].isin(present)]
    for dataset in sorted({row["dataset"] for row in rows} | set(gone["dataset"])):
        fold(place, dataset, without=set(gone.loc[gone["dataset"] == dataset, "run"]))
    table = pd.concat([kept, typed_index(pd.DataFrame(rows))], ignore_index=True)
    write_index(place, table)  # comes last: a run that is in it is in the tables
    return True
