"""What stands beside the means of overall scores: misses, false alarms, specificity, false volume, lost cases."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.boards.grid import StoredGrid
from ctbench.metric_descriptions import VOLUME
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.scores import LOST, UNSCORED, RaterKind, Status
from ctbench.statistics.false_alarms import CALLS, with_specificity

__all__ = ["calls_beside"]

_DRAWN = frozenset({Status.OK.value, Status.REFERENCE_EMPTY.value, Status.NOT_SAMPLED.value})


def calls_beside(
    runs: ComparableRuns, over: Sequence[str], reference: str, cases: Collection[str] | None = None
) -> pd.DataFrame:
    """Return how often each rater missed a structure that is there, and drew one that is not.

    A structure of a case counts once, whatever the number of references: it is a positive if one of them holds it.

    Args:
        runs: Runs on one dataset.
        over: Names of the structures; each counts in each case.
        reference: Name of the reference, or ``leave-one-out``: then ``all readers`` counts each reader in each case.
        cases: Ids of the cases that count. None: all.

    Returns:
        A row for each rater: ``rater`` and the columns of ``ctbench.statistics.false_alarms`` from ``positives`` on.
    """
    kept = tuple(sorted(set(runs.cases) if cases is None else set(cases)))
    counts = runs.known_calls.get((tuple(over), reference, kept))
    if counts is None:
        counts = runs.known_calls[tuple(over), reference, kept] = _counted(runs, over, reference, kept)
    return pd.concat([counts[["rater"]], with_specificity(counts, counts["wrong"].to_numpy(float))], axis=1)


def _counted(runs: ComparableRuns, over: Sequence[str], reference: str, kept: Sequence[str]) -> pd.DataFrame:
    """Return ``CALLS``, ``wrong`` (negatives that were called wrongly) and ``false_ml`` of each rater."""
    references = runs.expanded(reference)
    grids = [runs.grid(runs.metrics[0], name) for name in references]
    raters = list(dict.fromkeys(runs.name_of(entry) for grid in grids for entry in grid.entries))
    readers = {runs.name_of(one) for grid in grids for one in grid.entries if one.rater_kind == RaterKind.READER}
    at = {name: place for place, name in enumerate(raters)}
    counts = pd.DataFrame(0.0, index=raters, columns=[*CALLS, "wrong", "drawn_ml", "drawn"])
    for label in sorted(over):
        parts = [
            (_calls(runs, grid, name, kept, label), [at[runs.name_of(entry)] for entry in grid.entries])
            for grid, name in zip(grids, references, strict=True)
        ]
        counts += _joined(parts, (len(kept), len(raters))).counts()
    if readers and reference == tables.LEAVE_ONE_OUT:
        counts.loc[tables.ALL_READERS] = counts.loc[sorted(readers)].sum()
    counts["false_ml"] = counts["drawn_ml"] / counts["drawn"].where(counts["drawn"] > 0)
    return counts.astype(dict.fromkeys(CALLS, int)).rename_axis("rater").reset_index()


class _Calls(NamedTuple):
    """How raters called one structure in each case: arrays cases x raters."""

    positive: NDArray[np.bool_]
    """The reference holds it."""
    negative: NDArray[np.bool_]
    """The reference was judged and does not hold it."""
    drew: NDArray[np.bool_]
    lost: NDArray[np.bool_]
    """The rater has no prediction."""
    volume: NDArray[np.float64]
    """What the rater drew, mL; NaN if that was not scored."""

    def joined(self, other: _Calls) -> _Calls:
        """Return the calls on two references together."""
        positive = self.positive | other.positive
        alone = np.where(self.positive, self.drew, other.drew)
        return _Calls(
            positive,
            (self.negative | other.negative) & ~positive,
            np.where(self.positive == other.positive, self.drew | other.drew, alone),
            self.lost | other.lost,
            np.fmax(self.volume, other.volume),
        )

    def counts(self) -> NDArray[np.float64]:
        """Return raters x ``CALLS``, the negatives that were called wrongly, and sum and number of their volumes."""
        positive, negative, drew, lost, volume = self
        told = negative & ~lost & ~np.isnan(volume)
        found = {
            "positives": positive,
            "misses": positive & ~drew & ~lost,
            "negatives": negative,
            "false_alarms": negative & drew,
            "lost": lost & (positive | negative),
        }
        sums = [found[name].sum(axis=0) for name in CALLS]
        wrong = (negative & (drew | lost)).sum(axis=0)
        return np.stack([*sums, wrong, volume.sum(axis=0, where=told), told.sum(axis=0)], axis=1).astype(float)


def _joined(parts: Sequence[tuple[_Calls, Sequence[int]]], shape: tuple[int, int]) -> _Calls:
    """Return the calls on all references together, each part at the columns of its raters."""
    found: _Calls | None = None
    for calls, columns in parts:
        whole = calls
        if list(columns) != list(range(shape[1])):
            whole = _nothing(shape)
            for array, own in zip(whole, calls, strict=True):
                array[:, columns] = own
        found = whole if found is None else found.joined(whole)
    return _nothing(shape) if found is None else found


def _nothing(shape: tuple[int, int]) -> _Calls:
    """Return calls of cases x raters that nobody made; in memory raters stand before cases."""
    turned = shape[::-1]
    flags = [np.zeros(turned, bool).T for _ in range(4)]
    return _Calls(flags[0], flags[1], flags[2], flags[3], np.full(turned, np.nan).T)


def _calls(runs: ComparableRuns, grid: StoredGrid, reference: str, cases: Sequence[str], label: str) -> _Calls:
    own = grid.select(cases=cases, labels=[label])
    absence = own.negatives(runs.reference_volumes(reference))
    judged = ((own.status >= 0) & ~own.having(UNSCORED))[:, 0]
    volume = np.broadcast_to(np.nan, judged.shape)
    # Volumes are told of negatives only: without any, a table as large as that of the scores is not read.
    if VOLUME in runs.metrics and absence.any():
        volumes = runs.grid(VOLUME, reference)
        places = {entry: at for at, entry in enumerate(volumes.entries)}
        scored = [at for at, entry in enumerate(own.entries) if entry in places]
        volume = np.full(judged.shape[::-1], np.nan).T
        at = [places[own.entries[at]] for at in scored]
        volume[:, scored] = volumes.select(cases=cases, labels=[label], entries=at).values[:, 0]
    drew, lost = (own.having(names)[:, 0] for names in (_DRAWN, LOST))
    return _Calls(judged & ~absence, judged & absence, drew, lost, volume)
