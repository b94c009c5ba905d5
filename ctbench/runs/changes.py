"""Changes between two tables of scores, as rows of one table: what changed where, expected and found."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ctbench.metrics import METRICS
from ctbench.scores import KEYS, LOST, SCORE_COLUMNS

__all__ = ["MOVED_COLUMNS", "TOLERANCE", "change", "moved_scores", "moved_table"]

MOVED_COLUMNS = ("what", "case", "rater", "reference", "label", "metric", "expected", "found")
"""The columns of the list of changes; the middle ones are empty for a change of the run as a whole."""

_TEXTS = tuple(name for name in SCORE_COLUMNS if name not in {*KEYS, "value", "status"})

TOLERANCE = 1e-6
"""Tolerance of values computed from distances, in their own unit."""


def change(what: str, expected: object, found: object, **where: str) -> dict[str, object]:
    """Return a row of ``MOVED_COLUMNS``; a column that ``where`` does not name is empty."""
    return dict.fromkeys(MOVED_COLUMNS, "") | where | {"what": what, "expected": expected, "found": found}


def moved_scores(expected: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Compare all columns of two tables of scores: values computed from counts exactly, others within 1e-6.

    Of a case without a prediction the ``detail`` may differ: it quotes what the predictor said.

    Args:
        expected: Tidy scores.
        found: Tidy scores.

    Returns:
        Rows with the columns ``MOVED_COLUMNS``, in the order of the scores.
    """
    expected, found = (table.drop_duplicates(list(KEYS)) for table in (expected, found))
    both = expected.merge(found, on=list(KEYS), how="outer", suffixes=("_expected", "_found"), indicator=True)
    lone = both["_merge"] != "both"
    status = ~lone & (both["status_expected"] != both["status_found"])
    old, new = both["value_expected"], both["value_found"]
    allowed = both["metric"].map(lambda name: 0.0 if name in METRICS and METRICS[name].counted else TOLERANCE)
    near = ((old - new).abs() <= allowed) | (old.isna() & new.isna())
    parts = [
        _rows(both[lone], "row", both["status_expected"], both["status_found"]),
        _rows(both[status], "status", both["status_expected"], both["status_found"]),
        _rows(both[~lone & ~status & ~near], "value", old, new),
    ]
    lost = both["status_expected"].isin(LOST)
    for name in _TEXTS:
        before, now = both[f"{name}_expected"].fillna(""), both[f"{name}_found"].fillna("")
        differ = (before != now) & ~(lost & (name == "detail"))
        parts.append(_rows(both[~lone & differ], name, before, now))
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)


def _rows(which: pd.DataFrame, what: str, expected: pd.Series, found: pd.Series) -> pd.DataFrame:
    values = {
        "expected": expected[which.index].astype(object).where(expected[which.index].notna(), None),
        "found": found[which.index].astype(object).where(found[which.index].notna(), None),
    }
    return which.assign(what=what, **values)[list(MOVED_COLUMNS)].astype(object)


def moved_table(scores: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Yield what is wrong with the table as such: its columns, and keys that occur more than once."""
    if tuple(scores.columns) != SCORE_COLUMNS:
        yield change("columns", ", ".join(scores.columns), ", ".join(SCORE_COLUMNS))
    counts = scores.groupby(list(KEYS), observed=True, dropna=False).size()
    for found in counts[counts > 1].rename("count").reset_index().to_dict("records"):
        yield change("duplicate", int(found["count"]), 1, **{name: str(found[name]) for name in KEYS})
