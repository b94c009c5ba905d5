"""Scores of raters on the references, cases and structures on which all of them have a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.boards import Grid
from ctbench.boards.grid import Entry
from ctbench.report.frames import tables
from ctbench.report.frames.averages import coded, common_ground
from ctbench.scores import RaterKind
from ctbench.statistics import OVERALL

__all__ = ["contestants", "structure_rows"]


def contestants(
    grids: Sequence[Grid],
    names: Sequence[str],
    over: Sequence[str],
    metric: str,
    *,
    name_of: Callable[[Entry], str],
    patients: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return the scores of some raters by case, averaged over structures and over the references that they share.

    A structure of a case counts on the references on which all of them have a value. ``all readers`` is on each
    reference the reader who had no part in it; a single reader restricts the comparison to the reference that this
    reader was scored on.

    Args:
        grids: Scores of one metric, one grid for each reference.
        names: Names of models and readers, or ``all readers``.
        over: Names of the structures that a mean is taken over; one name for a single structure.
        metric: Name of the metric.
        name_of: Returns the name of an entry of the grids.
        patients: Case -> patient; other cases are patients of their own.

    Returns:
        Tidy rows ``case, patient, rater, rater_kind, label`` (overall), ``metric, value, unit``; null where nothing
        counts; none where the raters share no reference.
    """
    placed = [(grid, places) for grid in grids if (places := _places(grid, names, name_of)) is not None]
    cases = sorted({case for grid, _ in placed for case in grid.cases})
    parts = [grid.select(cases=cases, labels=sorted(over), entries=places).values for grid, places in placed]
    values = _mean(common_ground(parts)) if parts else np.empty((0, len(names)))
    at_case, at_rater = (index.ravel() for index in np.indices(values.shape))
    nothing = np.zeros(values.size, np.intp)
    return pd.DataFrame(
        {
            "case": coded(at_case, cases),
            "patient": coded(at_case, [(patients or {}).get(case, case) for case in cases]),
            "rater": coded(at_rater, names),
            "rater_kind": coded(at_rater, _kinds(names, *placed[0]) if placed else []),
            "label": coded(nothing, [OVERALL]),
            "metric": coded(nothing, [metric]),
            "value": values.ravel(),
            "unit": coded(nothing, [placed[0][0].unit if placed else ""]),
        }
    )


def structure_rows(
    grids: Sequence[Grid], names: Sequence[str], structures: Sequence[str], metric: str, **options: Any
) -> pd.DataFrame:
    """Return the same scores for each structure separately, as the rows of one table."""
    parts = [contestants(grids, names, (one,), metric, **options).assign(label=one) for one in structures]
    return pd.concat(parts, ignore_index=True)


def _kinds(names: Sequence[str], grid: Grid, places: Sequence[int]) -> list[str]:
    kinds = [grid.entries[at].rater_kind for at in places]
    return ["readers" if name == tables.ALL_READERS else kind for name, kind in zip(names, kinds, strict=True)]


def _places(grid: Grid, names: Sequence[str], name_of: Callable[[Entry], str]) -> list[int] | None:
    """Return the positions of the raters in a grid, or None if one of them is missing."""
    places = {name_of(entry): at for at, entry in enumerate(grid.entries)}
    readers = [at for at, entry in enumerate(grid.entries) if entry.rater_kind == RaterKind.READER]
    if len(readers) == 1:
        places[tables.ALL_READERS] = readers[0]
    return [places[name] for name in names] if set(names) <= set(places) else None


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average cases x structures x raters over the structures that have a value."""
    valued = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(values.sum(axis=1, where=valued) / valued.sum(axis=1))
