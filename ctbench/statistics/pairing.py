"""Scores of two raters on the same cases."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ctbench.errors import UsageError
from ctbench.statistics.pairs import Numbers
from ctbench.statistics.tidy import checked, expect_known, expect_one

__all__ = ["Pairing", "pairings", "wide"]

_DIGITS = 12
"""Differences are rounded to so many digits: ties, and differences of 0, must not be undone by round-off."""


class Pairing(NamedTuple):
    """The differences of one rater from the baseline, in the cases for which both have a value."""

    head: dict[str, Any]
    rater: str
    differences: Numbers
    rows_left_out: int
    scores: pd.DataFrame


def wide(scores: pd.DataFrame, keys: Sequence[str] = ("case",)) -> pd.DataFrame:
    """Lay tidy scores out as cases x raters, NaN where there is no value.

    Raises:
        UsageError: a rater has two scores for one case.
    """
    twice = scores.duplicated([*keys, "rater"])
    if twice.any():
        first = scores.loc[twice].iloc[0]
        where = ", ".join(f"{key} {first[key]!r}" for key in keys)
        msg = f"rater {first['rater']!r} has two scores for {where}; select one label, metric and reference"
        raise UsageError(msg)
    table = scores.set_index([*keys, "rater"])["value"].unstack("rater")  # noqa: PD010  # pivot would sort the raters
    return table[list(scores["rater"].unique())]


def pairings(
    scores: pd.DataFrame, *, baseline: str, by: Sequence[str], keys: Sequence[str] = ("case",)
) -> Iterator[Pairing]:
    """Pair every rater with the baseline, group by group.

    Args:
        scores: tidy scores of one metric, reference and dataset unless ``by`` splits on them.
        baseline: the rater that the rest is compared with.
        by: the columns that make a group; none: one group.
        keys: the columns that make a pair.

    Raises:
        UsageError: scores that are not tidy or belong to several samples, an unknown baseline, or two scores of a
            rater for one case.
    """
    scores = checked(scores, (*by, *keys, "rater"))
    expect_one(scores, ("metric", "reference", "dataset"), split=by)
    expect_known(baseline, scores["rater"].unique(), "rater")
    groups = scores.groupby(list(by), sort=False, dropna=False, observed=True) if by else [((), scores)]
    for key, group in groups:
        table, rows = wide(group, keys), group["rater"].value_counts()
        base = table[baseline].to_numpy() if baseline in table.columns else np.full(len(table), math.nan)
        for rater in table.columns.drop(baseline, errors="ignore"):
            differences = np.round(table[rater].to_numpy() - base, _DIGITS)
            differences = differences[~np.isnan(differences)]
            left_out = int(rows[rater] + rows.get(baseline, 0)) - 2 * len(differences)
            yield Pairing(dict(zip(by, key, strict=True)), str(rater), differences, left_out, group)
