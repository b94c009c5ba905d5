"""What stands beside the means of overall scores: misses, false alarms, specificity, false volume, lost cases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.boards.grid import Entry
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.scores import LOST, UNSCORED, RaterKind, Status
from ctbench.statistics.false_alarms import CALLS, with_specificity

__all__ = ["calls_beside"]

_DRAWN = frozenset({Status.OK.value, Status.REFERENCE_EMPTY.value, Status.NOT_SAMPLED.value})
_VOLUME = "volume_ml"


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
    kept = sorted(set(runs.cases) if cases is None else set(cases))
    found: dict[str, _Calls] = {}
    readers = set()
    for entry, calls in _calls(runs, sorted(over), reference, kept):
        name = runs.name_of(entry)
        found[name] = found[name].joined(calls) if name in found else calls
        readers |= {name} if entry.rater_kind == RaterKind.READER else set()
    rows = [{"rater": name, **calls.counts()} for name, calls in found.items()]
    if readers and reference == tables.LEAVE_ONE_OUT:
        rows.append({"rater": tables.ALL_READERS, **_stacked([found[name] for name in readers]).counts()})
    table = pd.DataFrame(rows, columns=["rater", *CALLS, "wrong", "false_ml"])
    return pd.concat([table[["rater"]], with_specificity(table, table["wrong"].to_numpy(float))], axis=1)


class _Calls(NamedTuple):
    """How one rater called each structure of each case: arrays cases x structures."""

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

    def counts(self) -> dict[str, float]:
        """Return the columns ``CALLS``, ``wrong`` (negatives that were called wrongly) and ``false_ml``."""
        positive, negative, drew, lost, volume = self
        drawn = volume[negative & ~lost & ~np.isnan(volume)]
        return {
            "positives": int(positive.sum()),
            "misses": int((positive & ~drew & ~lost).sum()),
            "negatives": int(negative.sum()),
            "false_alarms": int((negative & drew).sum()),
            "lost": int((lost & (positive | negative)).sum()),
            "wrong": int((negative & (drew | lost)).sum()),
            "false_ml": float(drawn.mean()) if drawn.size else np.nan,
        }


def _stacked(several: Sequence[_Calls]) -> _Calls:
    """Return the calls of several raters, one after the other."""
    return _Calls(*(np.concatenate(parts) for parts in zip(*several, strict=True)))


def _calls(
    runs: ComparableRuns, over: Sequence[str], reference: str, cases: Sequence[str]
) -> Iterator[tuple[Entry, _Calls]]:
    references = runs.expanded(reference)
    grids = [runs.grid(runs.metrics[0], name).select(cases=cases, labels=over) for name in references]
    absences = [grid.negatives(runs.reference_volumes(at)) for grid, at in zip(grids, references, strict=True)]
    # Volumes are told of negatives only: without any, a table as large as that of the scores is not read.
    measured = _VOLUME in runs.metrics and any(map(np.any, absences))
    for name, grid, absence in zip(references, grids, absences, strict=True):
        negative = absence[..., None]
        judged = (grid.status >= 0) & ~grid.having(UNSCORED)
        positive, absent = judged & ~negative, judged & negative
        drew, lost = grid.having(_DRAWN), grid.having(LOST)
        volumes = runs.grid(_VOLUME, name).select(cases=cases, labels=over) if measured else None
        places = {} if volumes is None else {entry: at for at, entry in enumerate(volumes.entries)}
        nothing = np.full(grid.values.shape[:2], np.nan)
        for at, entry in enumerate(grid.entries):
            volume = nothing if volumes is None or entry not in places else volumes.values[..., places[entry]]
            yield entry, _Calls(positive[..., at], absent[..., at], drew[..., at], lost[..., at], volume)
