"""Scores of raters on the references, cases and structures on which all of them have a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.boards.grid import Entry, StoredGrid
from ctbench.report.frames import tables
from ctbench.report.frames.averages import coded, common_ground
from ctbench.scores import RaterKind
from ctbench.statistics import OVERALL

__all__ = ["Contest", "contest", "contestants", "ranked_names", "structure_rows"]


class Contest(NamedTuple):
    """Scores that may be ranked together, averaged over structures and over the references that all raters share."""

    cases: tuple[str, ...]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    values: NDArray[np.float64]
    """Cases x raters; NaN where nothing counts."""
    unit: str


def ranked_names(models: Sequence[str], reference: str) -> list[str]:
    """Return who is ranked on a reference: the models, and on ``leave-one-out`` the readers as one before them."""
    return [*([tables.ALL_READERS] if reference == tables.LEAVE_ONE_OUT else []), *models]


def contest(
    grids: Sequence[StoredGrid], names: Sequence[str], over: Sequence[str], *, name_of: Callable[[Entry], str]
) -> Contest:
    """Return the scores of some raters, averaged over structures and over the references that they share.

    A structure of a case counts on the references on which all of them have a value. ``all readers`` is on each
    reference the reader who had no part in it; a single reader restricts the comparison to the reference that this
    reader was scored on.

    Args:
        grids: Scores of one metric, one grid for each reference.
        names: Names of models and readers, or ``all readers``.
        over: Names of the structures that a mean is taken over; one name for a single structure.
        name_of: Returns the name of an entry of the grids.

    Returns:
        Their scores; no cases where the raters share no reference.
    """
    placed = [(grid, places) for grid in grids if (places := _places(grid, names, name_of)) is not None]
    if not placed:
        return Contest((), tuple(names), (), np.empty((0, len(names))), "")
    cases = sorted({case for grid, _ in placed for case in grid.cases})
    structures = sorted(over)

    def parts(label: str) -> Iterator[NDArray[np.float64]]:
        return (grid.select(cases=cases, labels=[label], entries=at).values[:, 0] for grid, at in placed)

    present = _present(part for label in structures for part in parts(label))
    total, count = np.zeros((2, len(names), len(cases))).transpose(0, 2, 1)
    for label in structures:
        mean = common_ground(list(parts(label)), present)
        valued = ~np.isnan(mean)
        if valued.all():
            total += mean
        else:
            np.add(total, mean, out=total, where=valued)
        count += valued
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.divide(total, count, out=total)
    return Contest(tuple(cases), tuple(names), _kinds(names, *placed[0]), values, placed[0][0].unit)


def _present(parts: Iterable[NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Return which raters have any value."""
    found = np.zeros(0, bool)
    for part in parts:
        own = np.asarray(~np.isnan(part).all(axis=0))
        found = own | found if len(found) else own
        if found.all():
            break
    return found


def contestants(
    grids: Sequence[StoredGrid],
    names: Sequence[str],
    over: Sequence[str],
    metric: str,
    *,
    name_of: Callable[[Entry], str],
    patients: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return the scores of some raters, see ``contest``, as tidy rows.

    Args:
        grids: As for ``contest``.
        names: As for ``contest``.
        over: As for ``contest``.
        metric: Name of the metric.
        name_of: As for ``contest``.
        patients: Case -> patient; other cases are patients of their own.

    Returns:
        Tidy rows ``case, patient, rater, rater_kind, label`` (overall), ``metric, value, unit``; null where nothing
        counts; none where the raters share no reference.
    """
    found = contest(grids, names, over, name_of=name_of)
    at_case, at_rater = (index.ravel() for index in np.indices(found.values.shape))
    nothing = np.zeros(found.values.size, np.intp)
    return pd.DataFrame(
        {
            "case": coded(at_case, found.cases),
            "patient": coded(at_case, [(patients or {}).get(case, case) for case in found.cases]),
            "rater": coded(at_rater, names),
            "rater_kind": coded(at_rater, found.kinds),
            "label": coded(nothing, [OVERALL]),
            "metric": coded(nothing, [metric]),
            "value": found.values.ravel(),
            "unit": coded(nothing, [found.unit]),
        }
    )


def structure_rows(
    grids: Sequence[StoredGrid], names: Sequence[str], structures: Sequence[str], metric: str, **options: Any
) -> pd.DataFrame:
    """Return the same scores for each structure separately, as the rows of one table."""
    parts = [contestants(grids, names, (one,), metric, **options).assign(label=one) for one in structures]
    return pd.concat(parts, ignore_index=True)


def _kinds(names: Sequence[str], grid: StoredGrid, places: Sequence[int]) -> tuple[str, ...]:
    kinds = [grid.entries[at].rater_kind for at in places]
    return tuple("readers" if name == tables.ALL_READERS else kind for name, kind in zip(names, kinds, strict=True))


def _places(grid: StoredGrid, names: Sequence[str], name_of: Callable[[Entry], str]) -> list[int] | None:
    """Return the positions of the raters in a grid, or None if one of them is missing."""
    places = {name_of(entry): at for at, entry in enumerate(grid.entries)}
    readers = [at for at, entry in enumerate(grid.entries) if entry.rater_kind == RaterKind.READER]
    if len(readers) == 1:
        places[tables.ALL_READERS] = readers[0]
    return [places[name] for name in names] if set(names) <= set(places) else None
