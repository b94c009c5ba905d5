"""Overall scores and means of raters, from arrays of scores: over structures and references, then over cases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.boards import Grid
from ctbench.boards.grid import Entry, StoredGrid
from ctbench.report.frames import tables
from ctbench.scores import LOST, PENALISED, RaterKind, joint_status
from ctbench.statistics import OVERALL

__all__ = ["Overall", "averaged", "coded", "common_ground", "described", "overall", "overall_scores"]

Names = Callable[[Entry], tuple[str, str] | None]
"""Returns the name and kind of an entry; entries with the same name are averaged together, those without left out."""


class Overall(NamedTuple):
    """Overall scores of raters by case: averaged over references where several are given, then over structures."""

    cases: tuple[str, ...]
    raters: tuple[tuple[str, str], ...]
    """Name and kind of each."""
    statuses: tuple[str, ...]
    values: NDArray[np.float64]
    """Cases x raters; NaN where no score has a value."""
    status: NDArray[np.integer]
    """Cases x raters: the ``joint_status`` of the scores, an index into ``statuses``; -1 where there is no score."""
    penalties: NDArray[np.integer]
    """Cases x raters: the number of structures that have a penalty as value on any reference."""
    failed: NDArray[np.bool_]
    """Cases x raters: whether some score failed or is missing."""
    unit: str

    def having(self, statuses: Collection[str]) -> NDArray[np.bool_]:
        """Return where the status is one of some."""
        found = np.array([*(name in statuses for name in self.statuses), False])
        return np.asarray(found[self.status], bool)


def overall(
    grids: Sequence[StoredGrid],
    over: Sequence[str],
    reference: str,
    name_of: Callable[[Entry], str],
    names: Sequence[str],
) -> Overall:
    """Return the overall scores of some raters, each in all cases in which this rater has one.

    Args:
        grids: Scores of one metric, one grid for each reference that ``reference`` stands for.
        over: Names of the structures that a mean is taken over.
        reference: Name of the reference; ``leave-one-out`` adds the readers together as ``all readers``.
        name_of: Returns the name of an entry.
        names: Names of the raters.
    """
    wanted = set(names)

    def alone(entry: Entry) -> tuple[str, str] | None:
        name = name_of(entry)
        return (name, entry.rater_kind) if name in wanted else None

    def together(entry: Entry) -> tuple[str, str] | None:
        is_reader = alone(entry) and entry.rater_kind == RaterKind.READER
        return (tables.ALL_READERS, tables.ALL_READERS_KIND) if is_reader else None

    single = averaged(grids, over, alone)
    if reference != tables.LEAVE_ONE_OUT or not any(together(entry) for grid in grids for entry in grid.entries):
        return single
    joint = averaged(grids, over, together)
    number = np.array([*(single.statuses.index(name) for name in joint.statuses), -1])
    joint = joint._replace(status=number[joint.status])
    return single._replace(
        raters=(*single.raters, *joint.raters),
        values=np.concatenate([single.values, joint.values], axis=1),
        status=np.concatenate([single.status, joint.status], axis=1),
        penalties=np.concatenate([single.penalties, joint.penalties], axis=1),
        failed=np.concatenate([single.failed, joint.failed], axis=1),
    )


def overall_scores(
    grids: Sequence[StoredGrid],
    over: Sequence[str],
    reference: str,
    name_of: Callable[[Entry], str],
    names: Sequence[str],
) -> pd.DataFrame:
    """Return the same scores as rows.

    Returns:
        A row for each case and rater with some score: ``case, rater, rater_kind, label`` (overall), ``value, status,
        unit, penalties, failed``, see ``Overall``.
    """
    found = overall(grids, over, reference, name_of, names)
    where = np.nonzero(found.status >= 0)
    nothing = np.zeros(len(where[0]), np.intp)
    return pd.DataFrame(
        {
            "case": coded(where[0], found.cases),
            "rater": coded(where[1], [name for name, _ in found.raters]),
            "rater_kind": coded(where[1], [kind for _, kind in found.raters]),
            "label": coded(nothing, [OVERALL]),
            "value": found.values[where],
            "status": coded(found.status[where], found.statuses),
            "unit": coded(nothing, [found.unit]),
            "penalties": found.penalties[where],
            "failed": found.failed[where],
        }
    )


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


def averaged(grids: Sequence[StoredGrid], over: Sequence[str], names: Names) -> Overall:
    """Average each case's scores over references where several are given, then over structures.

    As ``ctbench.statistics.overall`` does it: a score without a value is left out of its case's mean; a mean has the
    ``joint_status`` of its scores. Structures are read one after the other.

    Args:
        grids: Scores of one metric, one grid for each reference.
        over: Names of the structures.
        names: Returns name and kind of an entry; None: it is left out.
    """
    cases = tuple(sorted({case for grid in grids for case in grid.cases}))
    entries = [[at for at, entry in enumerate(grid.entries) if names(entry)] for grid in grids]
    of_each = [
        [name for at in own if (name := names(grid.entries[at]))] for grid, own in zip(grids, entries, strict=True)
    ]
    raters = tuple(sorted({name for own in of_each for name in own}))
    columns = {name: at for at, name in enumerate(raters)}
    places = [np.array([columns[name] for name in own], np.intp) for own in of_each]
    sums = _Sums((len(raters), len(cases)))
    for label in sorted(over):
        parts = (
            grid.select(cases=cases, labels=[label], entries=own) for grid, own in zip(grids, entries, strict=True)
        )
        sums.add(list(zip(parts, places, strict=True)))
    return Overall(cases, raters, *sums.joint(), grids[0].unit if grids else "")


class _Sums:
    """Sums of the scores of each rater and case.

    Args:
        shape: Number of raters, number of cases.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._total, self._count = np.zeros(shape), np.zeros(shape, np.int16)
        self._tally: dict[str, NDArray[np.int16]] = {}
        self._penalties, self._failed = np.zeros(shape, np.int16), np.zeros(shape, bool)

    def add(self, parts: Sequence[tuple[Grid, NDArray[np.intp]]]) -> None:
        """Add one structure: its scores against each reference, and the rater of each of them; several may have one."""
        total, count, penalised = np.zeros(self._shape), np.zeros(self._shape, np.int16), np.zeros(self._shape, bool)
        for grid, to in parts:
            values, status = grid.values[:, 0].T, grid.status[:, 0].T
            valued = ~np.isnan(values)
            _merge(np.add, total, np.where(valued, values, 0), to)
            _merge(np.add, count, valued, to)
            for at, name in enumerate(grid.statuses):
                own = status == at
                if own.any():
                    _merge(np.add, self._tally.setdefault(name, np.zeros(self._shape, np.int16)), own, to)
            if LOST & set(grid.statuses):
                _merge(np.logical_or, self._failed, grid.having(LOST)[:, 0].T, to)
            if PENALISED & set(grid.statuses):
                _merge(np.logical_or, penalised, grid.having(PENALISED)[:, 0].T & valued, to)
        known = count > 0
        self._total += np.divide(total, count, where=known, out=total)
        self._count += known
        self._penalties += penalised

    def joint(self) -> tuple[tuple[str, ...], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return the statuses, and the arrays of ``Overall``: means over structures of the means over references."""
        statuses = tuple(sorted(self._tally))
        status = np.full(self._shape, -1, np.intp)
        if statuses:
            tally = np.stack([self._tally[name] for name in statuses])
            status = np.where(tally.any(axis=0), joint_status(statuses, tally), -1)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = self._total / self._count
        return statuses, values.T, status.T, self._penalties.T, self._failed.T


def coded(places: NDArray[Any], names: Sequence[str]) -> pd.Categorical:
    """Make a column of names of their places; names may repeat. Hundreds of thousands of strings would take seconds."""
    distinct = list(dict.fromkeys(names))
    code = {name: at for at, name in enumerate(distinct)}
    codes = np.array([code[name] for name in names], dtype=np.intp)
    return pd.Categorical.from_codes(codes[places] if len(names) else places, pd.Index(distinct, dtype=object))


def _merge(join: np.ufunc, whole: NDArray[Any], part: NDArray[Any], rows: NDArray[np.intp]) -> None:
    """Add the rows of a part to those of a whole, or join them in another way; several may go to one."""
    if len(np.unique(rows)) == len(rows):
        whole[rows] = join(whole[rows], part)
    else:
        join.at(whole, rows, part)


def common_ground(parts: Sequence[NDArray[np.float64]], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Average over references where all raters have a value: a case counts on those references only.

    Args:
        parts: One array for each reference, cases x raters, the same in all; NaN where there is no value.
        present: The raters who have any value; the others take nothing away from them.

    Returns:
        cases x raters; NaN where nothing counts.
    """
    total, count = np.zeros_like(parts[0]), np.zeros(len(parts[0]), np.int32)
    everybody = bool(present.all())
    for part in parts:
        counted = np.asarray(~np.isnan(part if everybody else part[:, present]).any(axis=1))
        if everybody and counted.all():
            total += part
        else:
            np.add(total, part, out=total, where=counted[:, None] & present)
        count += counted
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.divide(total, count[:, None], out=total)
    mean[:, ~present] = np.nan
    return mean
