"""Overall scores and means of raters, from arrays of scores: over structures and references, then over cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.boards import Grid
from ctbench.boards.grid import Entry
from ctbench.report.frames import tables
from ctbench.scores import LOST, PENALISED, RaterKind, joint_status
from ctbench.statistics import OVERALL

__all__ = ["averaged", "coded", "common_ground", "described", "overall_scores"]

Names = Callable[[Entry], tuple[str, str]]
"""Returns the name and kind of an entry; entries with the same name are averaged together."""


def overall_scores(
    grids: Sequence[Grid],
    over: Sequence[str],
    reference: str,
    name_of: Callable[[Entry], str],
    names: Sequence[str],
) -> pd.DataFrame:
    """Return the overall scores of some raters, each in all cases in which this rater has one.

    Args:
        grids: Scores of one metric, one grid for each reference that ``reference`` stands for.
        over: Names of the structures that a mean is taken over.
        reference: Name of the reference; ``leave-one-out`` adds the readers together as ``all readers``.
        name_of: Returns the name of an entry.
        names: Names of the raters.

    Returns:
        As ``averaged`` returns it.
    """
    wanted = set(names)
    chosen = [_only(grid, lambda entry: name_of(entry) in wanted) for grid in grids]
    parts = [averaged(chosen, over, lambda entry: (name_of(entry), entry.rater_kind))]
    if reference == tables.LEAVE_ONE_OUT:
        readers = [_only(grid, lambda entry: entry.rater_kind == RaterKind.READER) for grid in chosen]
        parts.append(averaged(readers, over, lambda _entry: (tables.ALL_READERS, "readers")))
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _only(grid: Grid, keep: Callable[[Entry], bool]) -> Grid:
    return grid.select(entries=[place for place, entry in enumerate(grid.entries) if keep(entry)])


def described(rows: pd.DataFrame, patients: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Describe the overall scores of cases.

    Args:
        rows: Scores as ``averaged`` returns them, with the column ``metric``; columns may be added.
        patients: Case -> patient; other cases are patients of their own.

    Returns:
        A row for each label, rater and metric: the columns of ``ctbench.statistics.describe`` by label, rater and
        rater_kind; ``penalised`` counts structures of cases, ``failed`` cases.
    """
    keys = ["label", "rater", "rater_kind", "metric"]
    if rows.empty:
        return pd.DataFrame(columns=[*keys, "n", "mean", "sd", "median", "low", "high", "undefined"])
    table = tables.describe_patients(rows, keys, patients)
    counts = rows.groupby(keys, sort=False, observed=True)[["penalties", "failed"]].sum().reset_index()
    counts = counts.rename(columns={"penalties": "penalised"}).astype(dict.fromkeys(keys, object))
    return table.drop(columns=["penalised", "failed", "negatives"]).merge(counts, on=keys)


def averaged(grids: Sequence[Grid], over: Sequence[str], names: Names) -> pd.DataFrame:
    """Average each case's scores over references where several are given, then over structures.

    As ``ctbench.statistics.overall`` does it: a score without a value is left out of its case's mean; a mean has the
    ``joint_status`` of its scores.

    Args:
        grids: Scores of one metric, one grid for each reference.
        over: Names of the structures.
        names: Returns name and kind of an entry.

    Returns:
        A row for each case and rater with some score: ``case, rater, rater_kind, label`` (overall), ``value, status,
        unit``, and ``penalties``, the number of structures of the case that have a penalty as value on any reference,
        and ``failed``, whether some score of the case failed or is missing.
    """
    cases = sorted({case for grid in grids for case in grid.cases})
    named = sorted({names(entry) for grid in grids for entry in grid.entries})
    statuses = sorted({name for grid in grids for name in grid.statuses})
    columns = {name: at for at, name in enumerate(named)}
    sums = _Sums((len(cases), len(named)), statuses, len(over))
    for grid in grids:
        sums.add(grid.select(cases=cases, labels=sorted(over)), [columns[names(entry)] for entry in grid.entries])
    where = np.nonzero(sums.tally.sum(axis=0))
    nothing = np.zeros(len(where[0]), np.intp)
    return pd.DataFrame(
        {
            "case": coded(where[0], cases),
            "rater": coded(where[1], [name for name, _ in named]),
            "rater_kind": coded(where[1], [kind for _, kind in named]),
            "label": coded(nothing, [OVERALL]),
            "value": sums.means()[where],
            "status": coded(joint_status(statuses, sums.tally)[where] if statuses else nothing, statuses),
            "unit": coded(nothing, [grids[0].unit if grids else ""]),
            "penalties": sums.penalised.sum(axis=0)[where],
            "failed": sums.failed[where],
        }
    )


class _Sums:
    """Sums of the scores of each case and rater.

    Args:
        shape: Number of cases, number of raters.
        statuses: Names of the statuses, sorted.
        structures: Number of structures.
    """

    def __init__(self, shape: tuple[int, int], statuses: Sequence[str], structures: int) -> None:
        self._statuses = statuses
        self._total, self._count = np.zeros((structures, *shape)), np.zeros((structures, *shape), np.int32)
        self.tally = np.zeros((len(statuses), *shape), np.int32)
        self.penalised, self.failed = np.zeros((structures, *shape), bool), np.zeros(shape, bool)

    def add(self, grid: Grid, to: Sequence[int]) -> None:
        """Add the entries of a grid to raters; several may go to one."""
        valued = ~np.isnan(grid.values)
        for place in range(valued.shape[1]):
            _add(self._total[place], np.where(valued[:, place], grid.values[:, place], 0), to)
            _add(self._count[place], valued[:, place].astype(np.int32), to)
        for at, status in enumerate(grid.statuses):
            _add(self.tally[self._statuses.index(status)], (grid.status == at).sum(axis=1, dtype=np.int32), to)
        self.failed[:, to] |= grid.having(LOST).any(axis=1)
        penalised = grid.having(PENALISED) & valued
        if penalised.any():
            for at, column in enumerate(to):
                self.penalised[:, :, column] |= penalised[:, :, at].T

    def means(self) -> NDArray[np.float64]:
        """Return the means over structures of the means over references, of the scores that have a value."""
        valued = self._count > 0
        each = np.divide(self._total, self._count, where=valued, out=np.zeros_like(self._total))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(each.sum(axis=0) / valued.sum(axis=0))


def coded(places: NDArray[Any], names: Sequence[str]) -> pd.Categorical:
    """Make a column of names of their places; names may repeat. Hundreds of thousands of strings would take seconds."""
    distinct = list(dict.fromkeys(names))
    code = {name: at for at, name in enumerate(distinct)}
    codes = np.array([code[name] for name in names], dtype=np.intp)
    return pd.Categorical.from_codes(codes[places] if len(names) else places, pd.Index(distinct, dtype=object))


def _add(total: NDArray[Any], part: NDArray[Any], columns: Sequence[int]) -> None:
    """Add the columns of a part to those of a total; several may go to one."""
    if len(set(columns)) == len(columns):
        total[:, columns] += part
        return
    for at, column in enumerate(columns):
        total[:, column] += part[:, at]


def common_ground(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Average over references where all raters have a value: a structure of a case counts on those references only.

    A rater without any value takes nothing away from the others.

    Args:
        parts: One array for each reference, cases x structures x raters, the same in all; NaN where there is no value.

    Returns:
        cases x structures x raters; NaN where nothing counts.
    """
    valued = [~np.isnan(part) for part in parts]
    present = np.any([known.any(axis=(0, 1)) for known in valued], axis=0)
    total, count = np.zeros(parts[0].shape), np.zeros(parts[0].shape[:2], np.int32)
    for part, known in zip(parts, valued, strict=True):
        counted = (known | ~present).all(axis=-1)
        np.add(total, part, out=total, where=counted[..., None] & present)
        count += counted
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.divide(total, count[..., None], out=total)
    mean[..., ~present] = np.nan
    return mean
