"""Verification of a board by its owner: every run is scored again with the owner's data."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from ctbench.boards.copies import copied_from_run, copied_from_truth, drawn_by
from ctbench.boards.index import submission_time
from ctbench.boards.partitions import table_digests
from ctbench.boards.record import Record, Statement
from ctbench.boards.storage import Place
from ctbench.datasets import Dataset
from ctbench.errors import CtbenchError, StoreError, UsageError
from ctbench.files import sha256
from ctbench.runs import Execution, Run, open_run, verify
from ctbench.runs.completion import is_intact
from ctbench.runs.folder import RunFolder
from ctbench.scores import LOST

__all__ = ["VERIFIED_COLUMNS", "verify_board"]

VERIFIED_COLUMNS = ("run", "rater", "dataset", "result", "reason")
"""The columns of what was found; ``result`` is that of a ``Statement``, ``accepted`` or ``not checked``."""

_NAMED_CHANGES = 3


def verify_board(
    board: str | Path,
    record: Record,
    find: Callable[[str], Dataset | None],
    *,
    accept: Collection[str] = (),
    again: bool = False,
    execution: Execution | None = None,
    keep: Callable[[Record], None] = lambda _record: None,
) -> tuple[Record, pd.DataFrame]:
    """Score the predictions of all runs of a board again, and compare them with masks and with each other.

    Args:
        board: A folder or a URL.
        record: What was found before. A run that was verified is not scored again while its files are unchanged.
        find: Returns the owner's dataset of a name; None: its runs are passed over. A ``CtbenchError`` is the reason
            why its runs cannot be checked.
        accept: Digests of flagged runs that count as verified.
        again: Whether to score verified runs again too.
        execution: Processes and progress.
        keep: Called with the record after each run, so that an interrupted verification need not begin anew.

    Returns:
        The new record, of the runs that are on the board, and a row for each run with ``VERIFIED_COLUMNS``.

    Raises:
        UsageError: A digest to accept is not on the board.
    """
    place = Place.of(board)
    present = _in_order(place)
    unknown = sorted(set(accept) - set(present))
    if unknown:
        msg = f"{place} has no run {unknown[0]} to accept"
        raise UsageError(msg)
    runs = {digest: statement for digest, statement in record.runs.items() if digest in present}
    rows = []
    for number, digest in enumerate(present):
        earlier = {name: runs[name] for name in present[:number] if name in runs}
        former = None if again else runs.get(digest)
        try:
            statement = _state(place, digest, former, earlier, find, execution or Execution(cached=False))
        except CtbenchError as error:
            runs.pop(digest, None)
            rows.append([digest, "", "", "not checked", str(error)])
            continue
        if statement is None:
            continue
        if digest in accept and statement.result == "flagged":
            statement = statement.model_copy(update={"accepted": True})
        runs[digest] = statement
        result = "accepted" if statement.accepted else statement.result
        rows.append([digest, statement.rater, statement.dataset, result, "; ".join(statement.reasons)])
        keep(Record(runs=runs))
    whole = Record(runs=runs)
    keep(whole)
    return whole, pd.DataFrame(rows, columns=list(VERIFIED_COLUMNS))


def _in_order(place: Place) -> list[str]:
    """Return the digests of the runs on a board, the first submitted first."""
    found = [name for name in (place / "runs").names() if (place / "runs" / name / "run.json").exists()]
    return sorted(found, key=lambda name: (submission_time(place / "runs" / name), name))


def _state(
    place: Place,
    digest: str,
    former: Statement | None,
    earlier: Mapping[str, Statement],
    find: Callable[[str], Dataset | None],
    execution: Execution,
) -> Statement | None:
    """Return what is found of a run; None if its dataset is passed over."""
    with _here(place / "runs" / digest) as folder:
        paths = RunFolder(folder)
        paths.expect_no_links()
        if sha256(paths.manifest) != digest:
            msg = f"the folder of run {digest} is not named by the digest of its run.json: one of them was changed"
            raise StoreError(msg)
        run = open_run(folder)
        dataset = find(run.manifest.dataset)
        if dataset is None:
            return None
        if former is not None and former.result != "changed" and is_intact(run.manifest, paths):
            return former
        return _found(run, digest, dataset, earlier, execution)


def _found(
    run: Run, digest: str, dataset: Dataset, earlier: Mapping[str, Statement], execution: Execution
) -> Statement:
    stated = {
        "rater": run.manifest.rater,
        "dataset": run.manifest.dataset,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "ctbench": version("ctbench"),
    }
    try:
        moved = verify(run, dataset, execution=execution)
    except CtbenchError as error:  # a prediction that cannot be read, labels that match nothing
        return Statement(result="changed", reasons=(str(error),), **stated)
    if len(moved):
        return Statement(result="changed", reasons=tuple(_changes(moved)), **stated)
    drawn = drawn_by(run, dataset, execution)
    predictions = {one.case: one.digest[:16] for one in drawn}
    reasons = copied_from_truth(drawn)
    for other, statement in earlier.items():
        if statement.dataset == run.manifest.dataset and statement.result != "changed":
            reasons += copied_from_run(predictions, statement.predictions, f"run {other[:12]} ({statement.rater})")
    return Statement(
        result="flagged" if reasons else "held",
        reasons=tuple(reasons),
        failed=int(run.scores.loc[run.scores["status"].isin(LOST), "case"].nunique()),
        tables=table_digests(run.scores, digest),
        predictions=predictions,
        **stated,
    )


def _changes(moved: pd.DataFrame) -> Iterator[str]:
    """Yield the first changes in words, and how many there are."""
    for row in moved.head(_NAMED_CHANGES).to_dict("records"):
        where = " ".join(str(row[name]) for name in ("case", "rater", "reference", "label", "metric") if row[name])
        yield f"{row['what']}{f' of {where}' if where else ''}: stated {row['expected']}, found {row['found']}"
    if len(moved) > _NAMED_CHANGES:
        yield f"{len(moved)} changes in all"


@contextmanager
def _here(own: Place) -> Iterator[Path]:
    """Yield the folder of a run on this machine; one in an object store is copied to a temporary folder."""
    if own.local is not None:
        yield own.local
        return
    with tempfile.TemporaryDirectory(prefix="ctbench-board-") as folder:
        own.fetch(Path(folder))
        yield Path(folder)
