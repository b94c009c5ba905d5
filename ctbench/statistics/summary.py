"""Descriptive statistics of scores (mean, SD, quartiles, counts of missing values), and means over structures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.scores import LOST, PENALISED, SCORE_COLUMNS, UNDEFINED, Status, joint_status
from ctbench.statistics.clustered_mean import clustered_mean
from ctbench.statistics.mean_intervals import mean_intervals, median_ranks
from ctbench.statistics.missing import Numbers
from ctbench.statistics.populations import Population, populated
from ctbench.statistics.tidy import OVERALL, as_names, checked, expect_known, expect_one, plain

__all__ = ["describe", "describe_columns", "overall"]

_Group = tuple[int, Numbers, NDArray[np.integer]]


def describe(
    scores: pd.DataFrame,
    by: str | Sequence[str] = ("label", "rater"),
    *,
    population: Population = "positives",
    cluster: str | None = None,
) -> pd.DataFrame:
    """Return descriptive statistics per group and metric, with counts of the scores that are missing or penalties.

    ``rows = n + negatives + undefined + not_assessed + unsupported +`` the failed rows of positives without a value.
    Intervals of means are those of ``mean_intervals``, which keep to the metric's bounds.

    Args:
        scores: Tidy scores; of one reference and dataset unless these columns are among ``by``.
        by: Name or names of the columns to group by.
        population: The cases that have a value, see ``populated``. Default: the positives.
        cluster: Name of a column that says which values belong together, ``patient`` if patients have several scans:
            standard errors and intervals of means are then those of ``clustered_mean``, which cover in 92 to 94 % of
            simulated studies of patients with one to three scans, and intervals over scans in 77 to 82 %
            (``benchmarks/calibration.py``). Default: every value is independent of the others. Intervals of medians
            take values as independent in any case.

    Returns:
        One row per group and metric, in the order of their first score: the columns ``by``, ``metric``, ``unit``; ``n``
        values in the mean; ``mean, sd`` (n - 1), ``median, q1, q3`` (linear interpolation), ``se``, ``low, high`` (95 %
        interval of the mean), ``min, max``; ``mean_ok`` (mean of the values with status ``ok``: without penalties);
        ``negatives`` (no value because the reference holds no such structure, see ``false_alarms``), ``undefined`` (no
        value because the prediction was empty or nothing could be sampled), ``penalised`` (a value although a mask was
        empty), ``failed`` (missing or failed predictions, with or without a penalty as value), ``not_assessed``,
        ``unsupported``, ``rows``; ``median_low, median_high`` (95 % interval of the median, by order statistics).

    Raises:
        UsageError: The scores are not tidy, or a group holds several references or datasets.
    """
    names = as_names(by)
    keys = [*names, *(column for column in ("metric", "unit") if column not in names)]
    scores = checked(scores, (*keys, "status", *([cluster] if cluster else [])), coded=True)
    expect_one(scores, ("reference", "dataset"), split=names)
    counted = _counted(populated(scores, population))
    groups = counted.groupby(keys, sort=False, dropna=False, observed=True)
    table = {
        "n": groups["value"].count(),
        "mean": groups["value"].mean(),
        "sd": groups["value"].std(),
        "mean_ok": groups["value_ok"].mean(),
        **groups[list(_COUNTS)].sum(),
        "rows": groups.size(),
    }
    described = pd.DataFrame(table).reset_index()
    described = described.assign(**{name: plain(described[name]) for name in keys})
    codes, values = groups.ngroup().to_numpy(), counted["value"].to_numpy(float)
    ordered = values[np.lexsort((values, codes))]  # NaN last in each group
    starts = described["rows"].cumsum().to_numpy() - described["rows"].to_numpy()
    clusters = None if cluster is None else pd.factorize(counted[cluster])[0]
    correlated = () if clusters is None else _correlated(codes, values, clusters)
    n, mean, sd = (described[name].to_numpy() for name in ("n", "mean", "sd"))
    spread = _spread(described["metric"], n, mean, sd, lambda places: ordered[starts + places], correlated)
    return described.assign(**spread)[[*keys, *_COLUMNS]]


def describe_columns(values: Numbers, metric: str, clusters: NDArray[np.integer] | None = None) -> pd.DataFrame:
    """Describe each column of an array as ``describe`` describes a group of scores, to the last digit.

    Thousands of raters are described in a tenth of a second.

    Args:
        values: Cases x raters; NaN where there is no value.
        metric: Name of the metric.
        clusters: The cluster of each case, as for ``describe``. Default: every case is independent of the others.

    Returns:
        A row for each column: ``n, mean, sd, median, q1, q3, se, low, high, min, max, median_low, median_high``.
    """
    n, mean, squares = _moments(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.where(n > 1, np.sqrt(squares / (n - 1)), math.nan)
    ordered = np.sort(values, axis=0) if len(values) else np.full((1, len(n)), math.nan)  # NaN last
    everybody = np.arange(len(n))
    correlated: Iterable[_Group] = ()
    if clusters is not None:
        row, column = np.nonzero(~np.isnan(values))
        correlated = _correlated(column, values[row, column], clusters[row])
    spread = _spread(metric, n, mean, sd, lambda places: ordered[places, everybody], correlated)
    found = {"n": n, "mean": mean, "sd": sd, **spread}
    return pd.DataFrame({name: found[name] for name in _COLUMNS if name in found})


def _spread(
    metric: pd.Series | str,
    n: NDArray[np.integer],
    mean: Numbers,
    sd: Numbers,
    smallest: Callable[[NDArray[np.integer]], Numbers],
    correlated: Iterable[_Group],
) -> dict[str, Numbers]:
    """Return quantiles, extremes, standard errors and intervals of groups of values, by the names of their columns.

    Args:
        metric: Metric of each group, or of all.
        n: Number of values of each group.
        mean: Their means.
        sd: Their standard deviations.
        smallest: Returns one value of each group, by its place from 0 among the sorted values; NaN come last.
        correlated: The groups in which a cluster has several values, see ``_correlated``.
    """
    last, ranks = np.maximum(n - 1, 0), median_ranks(n)

    def quantile(share: float) -> Numbers:
        exact = share * last
        below = exact.astype(np.intp)
        low = smallest(below)
        return np.where(exact > below, low + (smallest(np.minimum(below + 1, last)) - low) * (exact - below), low)

    def end(place: NDArray[np.integer]) -> Numbers:
        return np.where(ranks > 0, smallest(np.clip(place, 0, last)), math.nan)

    independent, degrees = n.astype(np.float64), n.astype(np.float64) - 1
    se = sd / np.sqrt(np.where(n > 0, n, math.nan))
    for place, own, whose in correlated:
        _, se[place], degrees[place] = clustered_mean(own, whose)
        independent[place] = len(np.unique(whose))
    means = pd.DataFrame({"mean": mean, "se": se, "n": independent}).assign(metric=metric)
    low, high = mean_intervals(means, degrees)
    return {
        "median": (smallest(last // 2) + smallest(np.minimum(n // 2, last))) / 2,
        "q1": quantile(0.25),
        "q3": quantile(0.75),
        "se": se,
        "low": low,
        "high": high,
        "min": smallest(np.zeros_like(n)),
        "max": smallest(last),
        "median_low": end(ranks - 1),
        "median_high": end(n - ranks),
    }


def _moments(values: Numbers) -> tuple[NDArray[np.intp], Numbers, Numbers]:
    """Return number, mean and sum of squares around the mean of each column, summed as pandas sums them."""
    n = np.zeros(values.shape[1], np.intp)
    total, lost, mean, squares = np.zeros((4, values.shape[1]))
    for row in values:
        known = ~np.isnan(row)
        n += known
        step = row - lost
        added = total + step
        moved = mean + (row - mean) / np.maximum(n, 1)
        for whole, now in (
            (lost, added - total - step),
            (squares, squares + (row - moved) * (row - mean)),
            (total, added),
            (mean, moved),
        ):
            np.copyto(whole, now, where=known)
    with np.errstate(invalid="ignore", divide="ignore"):
        return n, np.where(n > 0, total / n, math.nan), squares


def _correlated(codes: NDArray[np.integer], values: Numbers, clusters: NDArray[np.integer]) -> Iterator[_Group]:
    """Yield each group in which a cluster has several values: its code, its values, and their clusters."""
    known = ~np.isnan(values)
    codes, values, clusters = codes[known], values[known], clusters[known]
    order = np.lexsort((clusters, codes))
    codes, values, clusters = codes[order], values[order], clusters[order]
    again = (codes[1:] == codes[:-1]) & (clusters[1:] == clusters[:-1])
    for place in np.unique(codes[1:][again]):
        own = slice(*np.searchsorted(codes, [place, place + 1]))
        yield int(place), values[own], clusters[own]


_COUNTS = ("negatives", "undefined", "penalised", "failed", "not_assessed", "unsupported")
_COLUMNS = (
    *("n", "mean", "sd", "median", "q1", "q3", "se", "low", "high", "min", "max", "mean_ok"),
    *(*_COUNTS, "rows", "median_low", "median_high"),
)


def _counted(scores: pd.DataFrame) -> pd.DataFrame:
    status, valued, negative = scores["status"], scores["value"].notna(), scores["negative"]
    return scores.assign(
        value_ok=scores["value"].where(status.eq(Status.OK.value)),
        negatives=negative & ~valued,
        undefined=status.isin(UNDEFINED) & ~valued & ~negative,
        penalised=status.isin(PENALISED) & valued,
        failed=status.isin(LOST),
        not_assessed=status.eq(Status.NOT_ASSESSED.value),
        unsupported=status.eq(Status.UNSUPPORTED.value),
    )


def overall(scores: pd.DataFrame, *, labels: Sequence[str], population: Population = "positives") -> pd.DataFrame:
    """Return each case's mean over structures; ``describe`` of it is the papers' "Overall" row.

    A case's mean is taken over the structures that the reference holds, the same for all raters, and ``detail`` holds
    their number; a penalty (Dice 0 for a missed structure) is a value and counts. The status is the
    structures' ``joint_status``.

    Args:
        scores: Tidy scores.
        labels: Names of the structures to average over. Omit groups of structures: their voxels would count twice.
        population: The structures of a case that have a value, see ``populated``. Default: the positives.

    Returns:
        Tidy scores with label ``overall``, one per dataset, case, rater, reference and metric.

    Raises:
        UsageError: The scores are not tidy, or no score has one of the labels.
    """
    scores = checked(scores, ("case", "rater", "label", "metric", "status"))
    for label in labels:
        expect_known(label, scores["label"].unique(), "label")
    keys = [column for column in _CASE_KEYS if column in scores.columns]
    chosen = populated(scores, population)
    chosen = chosen[chosen["label"].isin(list(labels))]
    groups = chosen.groupby(keys, sort=False, dropna=False, observed=True)
    means = groups["value"].agg(["mean", "count"])
    counted, asked = means["count"].to_numpy(), len(set(labels))
    return (
        pd.DataFrame({"value": means["mean"], "status": _joint_statuses(chosen["status"], groups.ngroup())})
        .reset_index()
        .assign(label=OVERALL, detail=[f"mean of {count} of {asked} structures" for count in counted])
        .reindex(
            columns=[column for column in SCORE_COLUMNS if column in {*keys, "label", "value", "status", "detail"}]
        )
    )


_CASE_KEYS = tuple(name for name in SCORE_COLUMNS if name not in {"label", "value", "status", "detail"})


def _joint_statuses(status: pd.Series, groups: pd.Series) -> Any:
    """Return the joint status of each group's scores, from the status and the group's number of each score."""
    names = pd.Series(sorted(status.unique()), dtype=status.dtype)
    tally = np.zeros((len(names), groups.nunique()), int)
    np.add.at(tally, (pd.Categorical(status, names).codes, groups.to_numpy()), 1)
    return names.array.take(joint_status(list(names), tally)) if len(names) else names.array
