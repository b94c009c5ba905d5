"""Complete samples: the cases for which every rater has a value, ready to be ranked or tested pair by pair."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.statistics.direction import Direction, direction_in
from ctbench.statistics.missing import Numbers
from ctbench.statistics.tidy import checked, expect_known, expect_one

__all__ = ["Pairing", "Sample", "pairings", "samples", "wide"]

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


class Sample(NamedTuple):
    """Scores of all raters on the cases that all of them have, turned so that higher is better."""

    raters: list[str]
    absent: list[str]  # raters without any value, who take no case away from the others
    values: Numbers  # cases x raters
    clusters: NDArray[np.integer]  # the cluster of each case
    left_out: int  # cases that some rater lacks
    sign: int  # -1 where the values were turned


def samples(
    scores: pd.DataFrame, *, by: Sequence[str], cluster: str | None, direction: Direction | str | None
) -> Iterator[tuple[dict[str, Any], Sample]]:
    """Give the complete sample of each group, with the columns that name the group.

    Raises:
        UsageError: scores that are not tidy, several samples in a group, two scores of a rater for one case, or a
            metric that is good neither way.
    """
    scores = checked(scores, (*by, "case", "rater", *([cluster] if cluster else [])), coded=True)
    expect_one(scores, ("metric", "reference", "dataset"), split=by)
    for key, group in scores.groupby(list(by), sort=False, dropna=False, observed=True):
        yield dict(zip(by, key, strict=True)), _complete(group, cluster, direction)


def _complete(group: pd.DataFrame, cluster: str | None, direction: Direction | str | None) -> Sample:
    good = direction_in(group, direction)
    if good is Direction.NEITHER:
        metric = group["metric"].iloc[0]
        msg = f"metric {metric!r} is good neither way; to rank by it, say direction='higher' or 'lower'"
        raise UsageError(msg)
    table = wide(group)
    absent = list(table.columns[table.isna().all()])
    table = table.drop(columns=absent)
    complete = table.dropna()
    sign = 1 if good is Direction.HIGHER else -1
    owners = (
        complete.index if cluster is None else group.groupby("case", observed=True)[cluster].first()[complete.index]
    )
    return Sample(
        raters=[str(rater) for rater in table.columns],
        absent=[str(rater) for rater in absent],
        values=sign * complete.to_numpy(),
        clusters=pd.factorize(owners)[0],
        left_out=len(table) - len(complete),
        sign=sign,
    )
