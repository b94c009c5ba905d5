"""Paired tests of raters on the same cases: Wilcoxon signed-rank, t, and one-sided tests of all pairs."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from ctbench.errors import UsageError
from ctbench.statistics.clustered_mean import clustered_mean
from ctbench.statistics.comparison import COMPARISON, compared
from ctbench.statistics.direction import Direction, direction_in
from ctbench.statistics.estimate import ALPHA, t_half_width, t_p_value
from ctbench.statistics.missing import Numbers
from ctbench.statistics.multiplicity import adjusted, holm
from ctbench.statistics.populations import populated
from ctbench.statistics.readers import own_references
from ctbench.statistics.samples import pairings, samples, wide
from ctbench.statistics.summary import overall
from ctbench.statistics.tidy import as_names, checked, expect_known, expect_one

__all__ = [
    "Test",
    "leave_one_out_tests",
    "one_sided_p",
    "paired_differences",
    "paired_tests",
    "pooled_wilcoxon",
    "significance_matrix",
]

Test = Literal["wilcoxon", "t"]

_COLUMNS = ("n", *COMPARISON, "p_holm", "p_bh", "rows_used", "rows_left_out", "reason")


def paired_tests(
    scores: pd.DataFrame,
    *,
    baseline: str,
    test: Test = "wilcoxon",
    by: str | Sequence[str] = "label",
    pairing: str | Sequence[str] = "case",
    cluster: str | None = None,
    direction: Direction | str | None = None,
) -> pd.DataFrame:
    """Test each rater against the baseline on the positives for which both have a value, see ``populated``.

    Both tests reject in 4 to 5 % of simulated studies of equal raters (``benchmarks/calibration.py``).

    Args:
        scores: Tidy scores of one metric, reference and dataset, unless these columns are among ``by``.
        baseline: Name of the rater with which all others are compared.
        test: ``wilcoxon`` (default): the signed-rank test, which drops differences of 0 and is exact for few cases.
            ``t``: the paired t test.
        by: Name or names of the columns whose values are tested separately; an empty list: one test of all scores.
        pairing: Name or names of the columns that identify a pair; default ``case``.
        cluster: Name of a column that says which pairs belong together, ``patient`` if patients have several scans:
            the interval and the t test then allow for it, see ``clustered_mean``. None (default): pairs are
            independent.
        direction: As in ``categorical_regression``.

    Returns:
        One row per group and rater: the columns ``by``, ``rater``, ``n`` pairs, ``difference`` (mean of rater minus
        baseline) with ``low, high`` (95 % t interval, for both tests), ``p``, ``higher, better`` as in
        ``categorical_regression``, ``p_holm`` and ``p_bh`` (p adjusted over all rows of the table), ``rows_used``,
        ``rows_left_out`` (scores of positives without a pair or a value) and ``reason`` (why p is null; else empty).

    Raises:
        UsageError: The scores are not tidy, a group holds several metrics, references or datasets, the baseline is
            unknown, or a rater has two scores for one pair.
    """
    groups, rows = as_names(by), []
    for head, rater, differences, clusters, left_out, good in pairings(
        scores, baseline=baseline, by=groups, keys=as_names(pairing), cluster=cluster, direction=direction
    ):
        n, reason = len(differences), _reason(differences, clusters, test)
        mean, error, degrees = clustered_mean(differences, clusters)
        error = error if n > 1 and np.ptp(differences) > 0 else math.nan
        p = math.nan if reason else t_p_value(mean, error, degrees) if test == "t" else _signed_rank_p(differences)
        verdict = compared(mean, t_half_width(error, degrees), p, (rater, baseline), good)
        counts = {"rows_used": 2 * n, "rows_left_out": left_out, "reason": reason}
        rows.append(head | {"rater": rater, "n": n} | verdict | counts)
    table = pd.DataFrame(rows, columns=[*groups, "rater", *_COLUMNS])
    return adjusted(table)


def _reason(differences: Numbers, clusters: NDArray[np.integer], test: Test) -> str:
    if len(differences) < 2:
        return f"{len(differences)} case{'s' * (len(differences) != 1)} with values of both raters: no test"
    if test == "t" and np.ptp(clusters) == 0:
        return "all cases are of one patient: no test"
    if not differences.any():
        return "all differences are 0: no test"
    return "all differences are equal: no t test" if test == "t" and np.ptp(differences) == 0 else ""


def _signed_rank_p(differences: Numbers) -> float:
    """Return the two-sided p of the Wilcoxon signed-rank test of differences, at least one of which is not 0."""
    from scipy.stats import wilcoxon  # takes a second

    return float(wilcoxon(differences).pvalue)


def leave_one_out_tests(
    scores: pd.DataFrame,
    *,
    baseline: str,
    by: str | Sequence[str] = "label",
    cluster: str | None = None,
    direction: Direction | str | None = None,
) -> pd.DataFrame:
    """Test each reader against a model on the reference fused from the other readers: the main comparison of ctbench.

    Reader k and the model are paired by case on ``<method>-without-k``, over the positives of this reference, with the
    t test of ``paired_tests`` and Holm's correction over the readers. In simulated studies of an equally good model one
    reader's test rejects in 5.0 to 6.2 %, also where spreads differ 2.5-fold or patients have two scans, and some
    reader's after the correction in 3.8 to 6.5 % (``benchmarks/calibration.py``).

    Args:
        scores: Tidy scores of one metric and dataset on the leave-one-out references of one method; rows of other
            references may be among them.
        baseline: Name of the model.
        by: Name or names of the columns whose values are tested separately.
        cluster: As in ``paired_tests``: ``patient`` if patients have several scans.
        direction: As in ``categorical_regression``.

    Returns:
        One row per group and reader: the columns ``by``, ``rater``, ``reference``, ``n`` pairs, ``difference`` (mean of
        reader minus model) with ``low, high`` (95 %), ``p``, ``higher``, ``better`` (with ``p_holm`` < .05; else
        empty), ``p_holm`` (adjusted over the readers), ``rows_used``, ``rows_left_out`` and ``reason``.

    Raises:
        UsageError: As ``paired_tests``; also if the baseline is a reader, or if a reader has no leave-one-out reference
            or those of several methods.
    """
    groups, parts = as_names(by), []
    for reference, pair in own_references(scores, model=baseline):
        tested = paired_tests(pair, baseline=baseline, test="t", by=groups, cluster=cluster, direction=direction)
        tested.insert(list(tested.columns).index("rater") + 1, "reference", reference)
        parts.append(tested.drop(columns="p_bh"))
    table = pd.concat(parts, ignore_index=True)
    for _, own in table.groupby(groups, sort=False, dropna=False, observed=True) if groups else [((), table)]:
        table.loc[own.index, "p_holm"] = holm(own["p"].to_numpy(float))
    return table.assign(better=table["better"].where(table["p_holm"] < ALPHA, ""))


def pooled_wilcoxon(scores: pd.DataFrame, *, baseline: str, labels: Sequence[str]) -> pd.DataFrame:
    """Return Wachinger's Wilcoxon test over structures x subjects, and the same test over subjects.

    Wachinger, Reuter and Klein (NeuroImage 2018;170:434-445) test the Dice scores of all structures of all subjects as
    one sample. Structures of one subject are not independent, so that the sample is counted as larger than it is
    (pseudo-replication) and p is too small; the test over subjects uses each subject's mean over the structures. Where
    a subject's structures share half of the raters' variance, equal raters of 12 subjects are called different in 44 %
    of simulated studies, and in 6 % by the test over subjects.

    Args:
        scores: Tidy scores of one metric, reference and dataset.
        baseline: Name of the rater with which all others are compared.
        labels: Names of the structures to pool.

    Returns:
        The column ``unit`` (``subject`` or ``structure x subject (pseudo-replicated)``), then those of
        ``paired_tests``.
    """
    chosen = populated(scores)
    chosen = chosen[chosen["label"].isin(list(labels))]
    subjects = paired_tests(overall(scores, labels=labels), baseline=baseline, by=())
    both = paired_tests(chosen, baseline=baseline, by=(), pairing=("case", "label"))
    return pd.concat(
        [subjects.assign(unit="subject"), both.assign(unit="structure x subject (pseudo-replicated)")],
        ignore_index=True,
    )[["unit", *subjects.columns]]


def paired_differences(
    scores: pd.DataFrame, *, first: str, second: str, direction: Direction | str | None = None
) -> pd.DataFrame:
    """Return the scores of two raters per case and label, sorted from the second rater's largest loss to its best win.

    Args:
        scores: Tidy scores of one metric, reference and dataset.
        first: Name of the first rater.
        second: Name of the second rater.
        direction: As in ``categorical_regression``. If neither direction is better, rows are sorted by the size of the
            difference, largest first.

    Returns:
        One row per case and label: ``case, label, first, second, difference`` (second minus first). Rows without both
        values come last.

    Raises:
        UsageError: The scores are not tidy, hold several metrics, references or datasets, or a rater is unknown.
    """
    scores = checked(scores, ("case", "label", "rater"))
    expect_one(scores, ("metric", "reference", "dataset"))
    for name in (first, second):
        expect_known(name, scores["rater"].unique(), "rater")
    if first == second:
        msg = f"expected two different raters to compare, got {first!r} twice"
        raise UsageError(msg)
    scores = populated(scores)
    table = wide(scores[scores["rater"].isin([first, second])], ("case", "label")).reset_index()
    table = table.rename(columns={first: "first", second: "second"}).rename_axis(columns=None)
    difference = table["second"] - table["first"]
    loss = {Direction.HIGHER: difference, Direction.LOWER: -difference, Direction.NEITHER: -difference.abs()}
    order = loss[direction_in(scores, direction)].sort_values(kind="stable", na_position="last").index
    return table.assign(difference=difference).loc[order].reset_index(drop=True)


def one_sided_p(values: Numbers) -> Numbers:
    """Return the Holm-adjusted p of one-sided tests that the rater of the row is better than that of the column.

    Signed-rank tests that drop differences of 0: exact, ties included, for up to 25 cases; else the large-sample tests
    that correct for ties, as in Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, section 3.1.

    Args:
        values: Array cases x raters; higher is better.

    Returns:
        Array raters x raters; NaN on the diagonal and for raters that never differ.
    """
    from scipy.stats import rankdata  # takes a second

    first, second = np.triu_indices(values.shape[1], 1)
    differences = np.round(values[:, first] - values[:, second], 12)
    sizes = np.where(differences == 0, math.nan, np.abs(differences))
    ranks = np.nan_to_num(rankdata(sizes, axis=0, nan_policy="omit"))
    spread = np.sqrt((ranks**2).sum(axis=0)) / 2  # midranks make this the standard deviation under ties
    with np.errstate(invalid="ignore", divide="ignore"):
        z = ((ranks * (differences > 0)).sum(axis=0) - ranks.sum(axis=0) / 2) / spread
    better, worse = ndtr(-z), ndtr(z)
    if len(values) <= _EXACT:
        sums = np.rint(2 * (ranks * (differences > 0)).sum(axis=0)).astype(int)
        for pair in np.flatnonzero(spread > 0):
            doubled = tuple(sorted(np.rint(2 * ranks[ranks[:, pair] > 0, pair]).astype(int)))
            at_most = _rank_sums(doubled)
            better[pair] = 1 - (at_most[sums[pair] - 1] if sums[pair] else 0.0)
            worse[pair] = at_most[sums[pair]]
    p = np.full((values.shape[1],) * 2, math.nan)
    p[first, second], p[second, first] = better, worse
    return holm(p)


_EXACT = 25
"""Signed-rank tests of at most so many cases are exact."""


@functools.lru_cache(maxsize=4096)
def _rank_sums(doubled: tuple[int, ...]) -> Numbers:
    """Return P(sum <= s) for s = 0, 1, ...: of doubled ranks, each counted or not with probability 1/2."""
    share = np.ones(1)
    for rank in doubled:
        longer = np.zeros(len(share) + rank)
        longer[: len(share)] += share / 2
        longer[rank:] += share / 2
        share = longer
    return np.asarray(np.cumsum(share))


def significance_matrix(scores: pd.DataFrame, *, direction: Direction | str | None = None) -> pd.DataFrame:
    """Test each rater against each other one: one-sided signed-rank tests of all pairs, adjusted by Holm.

    Args:
        scores: Tidy scores of one metric, label, reference and dataset.
        direction: As in ``rank``.

    Returns:
        Table raters x raters: a small p means that the rater of the row is better than that of the column. Null on the
        diagonal, for raters that never differ, and for raters without any value. Only cases for which all other raters
        have a value are used.

    Raises:
        UsageError: As ``rank``; also if the scores hold several labels.
    """
    expect_one(scores, ("label",))
    ((_, sample),) = samples(scores.assign(label=""), by=["label"], cluster=None, direction=direction)
    matrix = pd.DataFrame(one_sided_p(sample.values), index=sample.raters, columns=sample.raters)
    everybody = [*sample.raters, *sample.absent]
    return matrix.reindex(index=everybody, columns=everybody)
