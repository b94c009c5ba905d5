"""Rankings that say how sure they are: rank intervals, ties, and who is better than whom."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr

from ctbench.errors import UsageError
from ctbench.statistics.direction import Direction
from ctbench.statistics.estimate import ALPHA
from ctbench.statistics.missing import Numbers
from ctbench.statistics.multiplicity import holm
from ctbench.statistics.paired import one_sided_p
from ctbench.statistics.samples import Sample, samples
from ctbench.statistics.tidy import as_names

__all__ = ["Method", "rank", "rank_stability"]

Method = Literal["mean-then-rank", "rank-then-mean", "test"]

_Draw = Callable[[NDArray[np.integer]], Numbers]
"""Clusters of the cases -> how often each resample draws each case."""

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
) -> pd.DataFrame:
    """Rank raters, with an interval of each rank from a paired bootstrap over cases.

    Only cases that every rater has a value for count; a rater without any value is listed without a rank and takes no
    case away from the others. Each resample draws cases, the same for all raters, and ranks anew.

    Args:
        scores: tidy scores of one metric, reference and dataset, unless ``by`` splits on them.
        method: ``mean-then-rank``: by the mean over cases. ``rank-then-mean``: by the mean of the ranks within each
            case. ``test``: by how many raters one is significantly better than (one-sided signed-rank tests, Holm).
        by: the columns that make a ranking each.
        cluster: a column whose values are drawn instead of cases, with all of their cases: ``patient`` where a patient
            has several scans.
        resamples: how many bootstrap samples to draw. ``test`` makes tests for all pairs in each.
        seed: of the random numbers; the same seed gives the same table.
        direction: which way the scores are good; None: by the metric's name.

    Returns:
        A row for each group and rater, best first: the columns ``by``, ``rater``, ``n`` cases, ``value`` (what is
        ranked: mean, mean rank, or number of raters beaten), ``rank`` (equals share the best), ``rank_low, rank_high``
        (95 % of the resamples), ``p_first`` (of being equal to the first: t test with the bootstrap's standard error,
        Holm), ``tied_with_first`` (not separable from the first: p >= .05), ``cases_left_out``, ``reason``.

    Raises:
        UsageError: scores that are not tidy, several samples in a group, two scores of a rater for one case, an
            unknown method, or a metric that is good neither way.
    """
    _expect_method(method)
    tables, draw = [], functools.partial(_draws, resamples=resamples, seed=seed)
    for head, sample in samples(scores, by=as_names(by), cluster=cluster, direction=direction):
        table = _ranked(sample, method, draw)
        for at, (column, value) in enumerate(head.items()):
            table.insert(at, column, [value] * len(table))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _expect_method(method: str) -> None:
    if method not in _METHODS:
        msg = f"unknown ranking method {method!r}; expected one of {', '.join(_METHODS)}"
        raise UsageError(msg)


def _draws(clusters: NDArray[np.integer], resamples: int, seed: int) -> Numbers:
    """Say how often each resample (row) draws each case (column), when clusters are drawn with replacement."""
    return _drawn(int(clusters.max()) + 1, resamples, seed)[:, clusters]


@functools.lru_cache(maxsize=2)
def _drawn(clusters: int, resamples: int, seed: int) -> Numbers:
    """Draw once for all groups of as many clusters, so that groups of the same cases are paired too."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples).astype(np.float64)


def _ranked(sample: Sample, method: Method, draw: _Draw) -> pd.DataFrame:
    n, empty = len(sample.values), dict.fromkeys(("value", "rank", "rank_low", "rank_high", "p_first"), math.nan)
    blank = {"n": 0, **empty, "tied_with_first": False, "cases_left_out": sample.left_out}
    absent = [{"rater": name} | blank | {"reason": f"no values of {name}"} for name in sample.absent]
    if n == 0 or not sample.raters:
        reason = "no case has values of all raters"
        return pd.DataFrame([{"rater": name} | blank | {"reason": reason} for name in sample.raters] + absent)
    merit = _merits(sample.values, method, np.ones((1, n)))[0]
    ranks, resampled = _rank_of(merit[None])[0], _merits(sample.values, method, draw(sample.clusters))
    low, high = np.quantile(_rank_of(resampled), [ALPHA / 2, 1 - ALPHA / 2], axis=0, method="inverted_cdf")
    p = _p_first(int(np.argmin(ranks)), merit, resampled, int(sample.clusters.max()) + 1)
    shown = {"mean-then-rank": sample.sign, "rank-then-mean": -1, "test": 1}[method] * merit
    table = pd.DataFrame(
        {
            "rater": sample.raters,
            "n": n,
            "value": shown,
            "rank": ranks.astype(float),
            "rank_low": low.astype(float),
            "rank_high": high.astype(float),
            "p_first": p,
            "tied_with_first": ~(p < ALPHA),
            "cases_left_out": sample.left_out,
            "reason": "" if n > 1 else "one case: no interval",
        }
    ).sort_values("rank", kind="stable")
    return pd.concat([table, pd.DataFrame(absent)]) if absent else table


def _merits(values: Numbers, method: Method, weights: Numbers) -> Numbers:
    """What raters (columns) are ranked by in each resample (row); higher is better."""
    if method == "test":
        return np.array([_wins(np.repeat(values, row.astype(int), axis=0)) for row in weights], dtype=float)
    if method == "rank-then-mean":
        from scipy.stats import rankdata  # takes a second

        values = -rankdata(-np.round(values, 12), axis=1)
    return np.asarray(weights @ values / weights.sum(axis=1, keepdims=True))


def _rank_of(merits: Numbers) -> NDArray[np.integer]:
    """Rank in each row, 1 for the highest; equals share the best rank. Differences of round-off are none."""
    rounded = np.round(merits, 12)
    above = [len(row) - np.searchsorted(np.sort(row), row, side="right") for row in rounded]
    return 1 + np.asarray(above).reshape(rounded.shape)


def _p_first(first: int, merit: Numbers, resampled: Numbers, clusters: int) -> Numbers:
    """Two-sided p of each rater being equal to the first, adjusted by Holm; NaN for the first itself.

    A t test of the difference over its bootstrap standard error, with the degrees of freedom of the clusters:
    percentiles of the resamples are too narrow for few cases, and too coarse for many raters.
    """
    if clusters < 2:
        return np.full(len(merit), math.nan)
    difference = np.round(merit[first] - merit, 12)
    spread = np.round(resampled[:, [first]] - resampled, 12).std(axis=0) * math.sqrt(clusters / (clusters - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(difference == 0, 1.0, 2 * stdtr(clusters - 1, -np.abs(difference / spread)))
    p[first] = math.nan
    return holm(p)


def _wins(values: Numbers) -> NDArray[np.integer]:
    """How many raters each rater is significantly better than."""
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
    """Say how far a ranking would hold in other samples of cases: Kendall's tau-b of resampled rankings with it.

    Args:
        scores: as in ``rank``, as are all other arguments.
        method: the ranking method.
        by: the columns that make a ranking each.
        cluster: a column whose values are drawn instead of cases.
        resamples: how many bootstrap samples to draw.
        seed: of the random numbers.
        direction: which way the scores are good.

    Returns:
        A row for each group: the columns ``by``, ``raters``, ``n`` cases, ``tau`` (mean over resamples), ``low, high``
        (95 % of them), ``cases_left_out``.

    Raises:
        UsageError: as ``rank``.
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
    """Kendall's tau-b of each row with the reference; NaN where either is all ties."""
    first, second = np.triu_indices(len(reference), 1)
    expected = np.sign(np.round(reference[first] - reference[second], 12))
    taus = []
    for row in merits:  # all at once would take as many gigabytes as there are hundreds of raters
        found = np.sign(np.round(row[first] - row[second], 12))
        taus.append((found @ expected, (found**2).sum() * (expected**2).sum()))
    agreeing, untied = np.array(taus).reshape(-1, 2).T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(agreeing / np.sqrt(untied))
