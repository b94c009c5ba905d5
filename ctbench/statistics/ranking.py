"""Rankings of raters with bootstrap rank intervals, ties with the first, and their stability (Kendall's tau)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.statistics.direction import Direction
from ctbench.statistics.estimate import ALPHA
from ctbench.statistics.missing import Numbers
from ctbench.statistics.paired import one_sided_p
from ctbench.statistics.populations import Population
from ctbench.statistics.rank_sets import compare_all, rank_sets
from ctbench.statistics.samples import Sample, complete, samples
from ctbench.statistics.tidy import as_names

__all__ = ["Method", "rank", "rank_stability", "rank_values"]

Method = Literal["mean-then-rank", "rank-then-mean", "test"]

_Draw = Callable[[NDArray[np.integer]], Numbers]
"""Takes the cluster of each case; returns resamples x cases, how often each resample draws each case."""

_METHODS = ("mean-then-rank", "rank-then-mean", "test")


def rank(
    scores: pd.DataFrame,
    *,
    method: Method = "mean-then-rank",
    by: str | Sequence[str] = "label",
    cluster: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    direction: Direction | str | None = None,
    population: Population = "positives",
) -> pd.DataFrame:
    """Rank the raters, with a confidence set of each rank.

    Only cases for which all raters have a value are used; a rater without any value is listed without a rank and
    excludes no case. All pairs of raters are compared at once on the same cases, as in ``rank_sets.compare_all``; the
    same comparisons make the sets, the ties and the p values.

    Args:
        scores: Tidy scores of one metric, reference and dataset, unless these columns are among ``by``.
        method: ``mean-then-rank`` (default): by the mean over cases. ``rank-then-mean``: by the mean of the ranks
            within each case. ``test``: by the number of raters that a rater is significantly better than (one-sided
            signed-rank tests, Holm).
        by: Name or names of the columns whose values are ranked separately.
        cluster: Name of a column that says which cases belong together; ``patient`` if patients have several scans.
            None (default): cases are independent.
        resamples: Number of sign patterns to draw if there are more than 12 clusters. Default 1000.
        seed: Seed of the random numbers; equal seeds return equal tables.
        direction: Whether ``higher`` or ``lower`` values are better. None (default): as known for the metric.
        population: The cases that count, see ``populated``. Default: the positives, in which a miss, a failure and a
            missing prediction have the worst value.

    Returns:
        One row per group and rater, best first: the columns ``by``, ``rater``, ``n`` cases, ``value`` (what is ranked:
        mean, mean rank, or number of raters beaten), ``rank`` (1 is best; equal raters share the better rank),
        ``rank_low, rank_high`` (with 95 % confidence the true ranks of all raters lie in their sets at once; null with
        fewer than two clusters), ``p_first`` (p that no other rater is better, by Hsu's comparison with the best; null
        for the first), ``tied_with_first`` (p >= .05), ``cases_left_out`` (cases that some rater lacks), ``reason``
        (why a number is null; else empty).

    Raises:
        UsageError: The scores are not tidy, a group holds several metrics, references or datasets, a rater has two
            scores for one case, the method is unknown, or the metric has no better direction.
    """
    _expect_method(method)
    tables = []
    for head, sample in samples(scores, by=as_names(by), cluster=cluster, direction=direction, population=population):
        table = _ranked(sample, method, resamples, seed)
        for at, (column, value) in enumerate(head.items()):
            table.insert(at, column, [value] * len(table))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def rank_values(
    values: Numbers,
    raters: Sequence[str],
    *,
    better: Direction,
    clusters: Sequence[str],
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Rank raters by the means of an array, as ``rank`` ranks the same scores.

    Args:
        values: Cases x raters; NaN where there is no value.
        raters: Names of the raters.
        better: Whether higher or lower values are better.
        clusters: The cluster of each case.
        resamples: As for ``rank``.
        seed: As for ``rank``.

    Returns:
        The columns of ``rank`` without those to group by.
    """
    sample = complete(pd.DataFrame(values, columns=list(raters)), better, pd.Series(list(clusters), dtype=object))
    return _ranked(sample, "mean-then-rank", resamples, seed).reset_index(drop=True)


def _expect_method(method: str) -> None:
    if method not in _METHODS:
        msg = f"unknown ranking method {method!r}; expected one of {', '.join(_METHODS)}"
        raise UsageError(msg)


def _draws(clusters: NDArray[np.integer], resamples: int, seed: int) -> Numbers:
    """Return resamples x cases: how often each case is drawn when clusters are drawn with replacement."""
    return _drawn(int(clusters.max()) + 1, resamples, seed)[:, clusters]


@functools.lru_cache(maxsize=2)
def _drawn(clusters: int, resamples: int, seed: int) -> Numbers:
    """Return resamples x clusters; cached, so that groups with the same number of clusters share their resamples."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples).astype(np.float64)


def _ranked(sample: Sample, method: Method, resamples: int, seed: int) -> pd.DataFrame:
    n, empty = len(sample.values), dict.fromkeys(("value", "rank", "rank_low", "rank_high", "p_first"), math.nan)
    blank = {"n": 0, **empty, "tied_with_first": False, "cases_left_out": sample.left_out}
    absent = [{"rater": name} | blank | {"reason": f"no values of {name}"} for name in sample.absent]
    if n == 0 or not sample.raters:
        reason = "no case has values of all raters"
        return pd.DataFrame([{"rater": name} | blank | {"reason": reason} for name in sample.raters] + absent)
    merit = _merits(sample.values, method, np.ones((1, n)))[0]
    ranks = _rank_of(merit[None])[0]
    compared = _within_cases(sample.values) if method == "rank-then-mean" else sample.values
    comparisons = compare_all(compared, sample.clusters, resamples=resamples, seed=seed)
    low, high = rank_sets(compared, comparisons.pairs)
    p = np.where(np.arange(len(ranks)) == int(np.argmin(ranks)), math.nan, comparisons.best)
    shown = {"mean-then-rank": sample.sign, "rank-then-mean": -1, "test": 1}[method] * merit
    table = pd.DataFrame(
        {
            "rater": sample.raters,
            "n": n,
            "value": shown,
            "rank": ranks.astype(float),
            "rank_low": low,
            "rank_high": high,
            "p_first": p,
            "tied_with_first": ~(p < ALPHA),
            "cases_left_out": sample.left_out,
            "reason": "" if n > 1 else "one case: no interval",
        }
    ).sort_values("rank", kind="stable")
    return pd.concat([table, pd.DataFrame(absent)]) if absent else table


def _within_cases(values: Numbers) -> Numbers:
    """Rank raters within each case (row), negated so that higher is better; differences of round-off are ties."""
    from scipy.stats import rankdata  # takes a second

    return np.asarray(-rankdata(-np.round(values, 12), axis=1))


def _merits(values: Numbers, method: Method, weights: Numbers) -> Numbers:
    """Return resamples x raters: the quantity to rank by, higher is better."""
    if method == "test":
        return np.array([_wins(np.repeat(values, row.astype(int), axis=0)) for row in weights], dtype=float)
    if method == "rank-then-mean":
        values = _within_cases(values)
    return np.asarray(weights @ values / weights.sum(axis=1, keepdims=True))


def _rank_of(merits: Numbers) -> NDArray[np.integer]:
    """Return the rank in each row, 1 for the highest; values equal up to round-off share the better rank."""
    rounded = np.round(merits, 12)
    above = [len(row) - np.searchsorted(np.sort(row), row, side="right") for row in rounded]
    return 1 + np.asarray(above).reshape(rounded.shape)


def _wins(values: Numbers) -> NDArray[np.integer]:
    """Return for each rater the number of raters that it is significantly better than."""
    return np.asarray((one_sided_p(values) < ALPHA).sum(axis=1))


def rank_stability(
    scores: pd.DataFrame,
    *,
    method: Method = "mean-then-rank",
    by: str | Sequence[str] = "label",
    cluster: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    direction: Direction | str | None = None,
) -> pd.DataFrame:
    """Return how stable a ranking is: Kendall's tau-b of the rankings of bootstrap samples with it.

    Takes the same arguments as ``rank``.

    Args:
        scores: Tidy scores of one metric, reference and dataset, unless these columns are among ``by``.
        method: The ranking method.
        by: Name or names of the columns whose values are ranked separately.
        cluster: Name of a column whose values are drawn instead of cases. None (default): cases are drawn.
        resamples: Number of bootstrap samples. Default 1000.
        seed: Seed of the random numbers; equal seeds return equal tables.
        direction: Whether ``higher`` or ``lower`` values are better. None (default): as known for the metric.

    Returns:
        One row per group: the columns ``by``, ``raters`` (their number), ``n`` cases, ``tau`` (mean over the
        resamples), ``low, high`` (95 % of the resamples), ``cases_left_out`` (cases that some rater lacks).

    Raises:
        UsageError: As ``rank``.
    """
    _expect_method(method)
    rows, draw = [], functools.partial(_draws, resamples=resamples, seed=seed)
    for head, sample in samples(scores, by=as_names(by), cluster=cluster, direction=direction):
        row = {"raters": len(sample.raters), "n": len(sample.values), **dict.fromkeys(("tau", "low", "high"), math.nan)}
        if len(sample.values) and len(sample.raters) > 1:
            whole, resampled = (
                _merits(sample.values, method, w) for w in (np.ones((1, len(sample.values))), draw(sample.clusters))
            )
            taus = _tau_b(whole[0], resampled)
            row |= {"tau": float(np.nanmean(taus)) if np.isfinite(taus).any() else math.nan}
            row |= dict(zip(("low", "high"), np.nanquantile(taus, [ALPHA / 2, 1 - ALPHA / 2]).tolist(), strict=True))
        rows.append(head | row | {"cases_left_out": sample.left_out})
    return pd.DataFrame(rows)


def _tau_b(reference: Numbers, merits: Numbers) -> Numbers:
    """Return Kendall's tau-b of each row with the reference; NaN if all values of either are tied."""
    first, second = np.triu_indices(len(reference), 1)
    expected = np.sign(np.round(reference[first] - reference[second], 12))
    taus = []
    for row in merits:  # one row at a time: all rows would need a gigabyte per hundred raters
        found = np.sign(np.round(row[first] - row[second], 12))
        taus.append((found @ expected, (found**2).sum() * (expected**2).sum()))
    agreeing, untied = np.array(taus).reshape(-1, 2).T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(agreeing / np.sqrt(untied))
