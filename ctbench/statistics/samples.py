"""Scores laid out as cases x raters: pairs with a baseline, and complete samples for rankings."""

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
from ctbench.statistics.populations import Population, populated
from ctbench.statistics.tidy import checked, expect_known, expect_one

__all__ = ["Pairing", "Sample", "complete", "pairings", "samples", "wide"]

_DIGITS = 12
"""Differences are rounded to this many digits, so that round-off does not break ties or differences of 0."""


class Pairing(NamedTuple):
    """The differences of one rater from the baseline in one group.

    Attributes:
        head: The columns of the group and their values.
        rater: Name of the rater.
        differences: Rater minus baseline, for the pairs in which both have a value.
        clusters: The cluster of each difference, as integers from 0.
        rows_left_out: Number of scores of the two without a pair or a value, in cases of the population.
        direction: Whether higher or lower scores of the group are better, or neither.
    """

    head: dict[str, Any]
    rater: str
    differences: Numbers
    clusters: NDArray[np.integer]
    rows_left_out: int
    direction: Direction


def wide(scores: pd.DataFrame, keys: Sequence[str] = ("case",)) -> pd.DataFrame:
    """Return tidy scores as a table cases x raters, NaN where there is no value.

    Args:
        scores: Tidy scores.
        keys: Names of the columns that identify a row of the table. Default ``case``.

    Raises:
        UsageError: A rater has two scores for one row.
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
    scores: pd.DataFrame,
    *,
    baseline: str,
    by: Sequence[str],
    keys: Sequence[str] = ("case",),
    cluster: str | None = None,
    direction: Direction | str | None = None,
) -> Iterator[Pairing]:
    """Yield the differences of each rater from the baseline, group by group.

    Args:
        scores: Tidy scores of one metric, reference and dataset, unless these columns are among ``by``.
        baseline: Name of the rater with which all others are compared.
        by: Names of the columns to group by; empty: one group.
        keys: Names of the columns that identify a pair. Default ``case``.
        cluster: Name of a column with the cluster of each pair, e.g. ``patient``; None: each pair is a cluster.
        direction: Whether ``higher`` or ``lower`` values are better. None: as known for the metric.

    Raises:
        UsageError: The scores are not tidy, a group holds several metrics, references or datasets, the baseline is
            unknown, or a rater has two scores for one pair.
    """
    scores = checked(scores, (*by, *keys, "rater", *([cluster] if cluster else [])))
    expect_one(scores, ("metric", "reference", "dataset"), split=by)
    expect_known(baseline, scores["rater"].unique(), "rater")
    scores = populated(scores).reset_index(drop=True)
    groups, pairs = _codes(scores, by, ordered=False), _codes(scores, keys, ordered=True)
    raters, found = pd.factorize(scores["rater"])
    names = [str(name) for name in found]
    owners = pd.factorize(scores[cluster])[0] if cluster else pairs
    base = names.index(baseline)
    values, judged = scores["value"].to_numpy(), ~scores["negative"].to_numpy(bool)
    parts = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    firsts = scores.iloc[[rows[0] for rows in parts]]
    for place, rows in enumerate(parts):
        own = raters[rows]
        first, places = np.unique(pairs[rows], return_index=True, return_inverse=True)[1:]
        if len(np.unique(places * len(names) + own)) < len(rows):
            wide(scores.loc[rows], keys)  # raises: it names the rater and the pair
        table = np.full((len(first), len(names)), math.nan)
        table[places, own] = values[rows]
        clusters = pd.factorize(owners[rows[first]])[0]
        expected = np.bincount(own[judged[rows]], minlength=len(names))
        head = {name: firsts[name].iloc[place] for name in by}
        good = direction_in(firsts.iloc[[place]], direction)
        for rater in (code for code in pd.unique(own) if code != base):
            differences = np.round(table[:, rater] - table[:, base], _DIGITS)
            known = ~np.isnan(differences)
            left_out = int(expected[rater] + expected[base]) - 2 * int(known.sum())
            yield Pairing(head, names[rater], differences[known], clusters[known], left_out, good)


def _codes(scores: pd.DataFrame, columns: Sequence[str], *, ordered: bool) -> NDArray[np.intp]:
    """Return a number for the values of some columns in each row, from 0: in the order of values, or of rows."""
    if not columns:
        return np.zeros(len(scores), np.intp)
    groups = scores.groupby(list(columns), sort=ordered, dropna=False, observed=True)
    return np.asarray(groups.ngroup(), np.intp)


class Sample(NamedTuple):
    """The scores of all raters on the cases for which all of them have a value.

    Attributes:
        raters: Names of the raters with values.
        absent: Names of the raters without any value; they exclude no case.
        values: Array cases x raters; multiplied by ``sign``, so that higher is better.
        clusters: The cluster of each case, as integers from 0.
        left_out: Number of cases left out because a rater has no value where another one has.
        sign: -1 if lower scores are better, else 1.
    """

    raters: list[str]
    absent: list[str]
    values: Numbers
    clusters: NDArray[np.integer]
    left_out: int
    sign: int


def samples(
    scores: pd.DataFrame,
    *,
    by: Sequence[str],
    cluster: str | None,
    direction: Direction | str | None,
    population: Population = "positives",
) -> Iterator[tuple[dict[str, Any], Sample]]:
    """Yield the complete sample of each group, after the columns of the group and their values.

    Args:
        scores: Tidy scores of one metric, reference and dataset, unless these columns are among ``by``.
        by: Names of the columns to group by.
        cluster: Name of a column with the cluster of each case, e.g. ``patient``; None: each case is a cluster.
        direction: Whether ``higher`` or ``lower`` values are better. None: as known for the metric.
        population: The cases that have a value, see ``populated``. Default: the positives.

    Raises:
        UsageError: The scores are not tidy, a group holds several metrics, references or datasets, a rater has two
            scores for one case, or the metric has no better direction.
    """
    scores = checked(scores, (*by, "case", "rater", *([cluster] if cluster else [])), coded=True)
    expect_one(scores, ("metric", "reference", "dataset"), split=by)
    for key, group in populated(scores, population).groupby(list(by), sort=False, dropna=False, observed=True):
        yield dict(zip(by, key, strict=True)), _complete(group, cluster, direction)


def _complete(group: pd.DataFrame, cluster: str | None, direction: Direction | str | None) -> Sample:
    good = direction_in(group, direction)
    if good is Direction.NEITHER:
        metric = group["metric"].iloc[0]
        msg = f"metric {metric!r} has no better direction; pass direction='higher' or 'lower' to rank by it"
        raise UsageError(msg)
    table = wide(group)
    owners = table.index.to_series() if cluster is None else group.groupby("case", observed=True)[cluster].first()
    return complete(table, good, owners)


def complete(table: pd.DataFrame, good: Direction, owners: pd.Series) -> Sample:
    """Return the complete sample of a table cases x raters.

    Args:
        table: NaN where there is no value; cases are its index, raters its columns.
        good: Whether higher or lower values are better.
        owners: The cluster of each case, by the index of the table.
    """
    absent = list(table.columns[table.isna().all()])
    # Cases without any value, such as negatives, are no cases of the sample: nobody lacks a value there.
    table = table.drop(columns=absent).dropna(how="all")
    whole = table.dropna()
    sign = 1 if good is Direction.HIGHER else -1
    return Sample(
        raters=[str(rater) for rater in table.columns],
        absent=[str(rater) for rater in absent],
        values=sign * whole.to_numpy(),
        clusters=pd.factorize(owners[whole.index])[0],
        left_out=len(table) - len(whole),
        sign=sign,
    )
