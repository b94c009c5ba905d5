"""Confidence sets of ranks: simultaneous comparisons of all pairs of raters, by flipping signs of whole cases.

Under the null hypothesis that two raters are equally good, and if differences are symmetric, the signs of a case's
differences are as likely one way as the other. Flipping them for all pairs of raters at once gives the joint
distribution of all differences, with whatever correlation raters have; it is exact for any number of cases.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.compiled import compiled
from ctbench.statistics.estimate import ALPHA
from ctbench.statistics.missing import Numbers

__all__ = ["Comparisons", "compare_all", "rank_sets"]

_MOST_PATTERNS = 2**12
"""All sign patterns of up to 12 clusters are enumerated; of more clusters as many as asked for are drawn."""
_ROUND_OFF = 1e-5
"""Statistics are kept in single precision; nearer ones are equal."""
_FEW_RATERS = 50
"""So many are compared without machine code, which takes a second to load."""

Singles = NDArray[np.float32]


class Comparisons(NamedTuple):
    """What comparing all pairs of raters on the same cases gives."""

    pairs: Numbers
    """raters x raters: two-sided p of the two being equal, adjusted for all pairs; NaN on the diagonal."""
    best: Numbers
    """For each rater, p of none of the others being better: Hsu's comparison with the best."""


def compare_all(values: Numbers, clusters: NDArray[np.integer], *, resamples: int = 1000, seed: int = 0) -> Comparisons:
    """Test all pairs of raters simultaneously.

    The statistic of a pair is the sum of its differences over the root of their sum of squares by cluster, a monotone
    function of the paired t. A pair's p is the share of sign patterns in which *any* pair's statistic is as large.
    That a rater is the best is rejected where another one exceeds it by more than any other does in 95 % of patterns
    (Hsu, Multiple Comparisons, 1996, chapter 4): only one hypothesis of this kind can be true, so that raters need no
    adjustment among themselves, and whoever is worse than somebody by ``pairs`` is not the best by ``best`` either.

    Args:
        values: cases x raters, higher is better.
        clusters: The cluster (patient) of each case, numbered from 0; its cases flip together.
        resamples: Sign patterns to draw where there are more than 12 clusters.
        seed: Of the drawn patterns.

    Returns:
        The p values; NaN with fewer than two clusters or raters.
    """
    raters, groups = values.shape[1], int(clusters.max(initial=-1)) + 1
    pairs, best = np.full((raters, raters), math.nan), np.full(raters, math.nan)
    if groups < 2 or raters < 2:
        return Comparisons(pairs, best)
    sums = np.zeros((groups, raters))
    np.add.at(sums, clusters, values - values.mean(axis=1, keepdims=True))
    scale = _scales(sums.T @ sums)
    total = sums.sum(axis=0)
    observed = (total[:, None] - total).astype(np.float32) * scale  # of the row's rater over the column's
    exceeded = observed.max(axis=0)  # by the one who exceeds this rater most
    flipped = (_signs(groups, resamples, seed) @ sums).astype(np.float32)
    most = (_most if raters > _FEW_RATERS else _most_of_few)(flipped, scale)
    largest, above = most.max(axis=1), (most >= exceeded - _ROUND_OFF).sum(axis=0)
    largest.sort()
    at_least = len(flipped) - np.searchsorted(largest, np.abs(observed) - _ROUND_OFF)
    pairs = at_least / len(flipped)
    np.fill_diagonal(pairs, math.nan)
    return Comparisons(pairs, above / len(flipped))


def _scales(gram: Numbers) -> Singles:
    """Return one over the root of each pair's sum of squared differences; 0 where a pair never differs."""
    squares = np.add.outer(np.diag(gram), np.diag(gram))
    gram *= 2  # in place: thousands of raters have millions of pairs
    squares -= gram
    squares[squares <= 1e-12 * squares.max(initial=0)] = math.inf
    return np.power(squares, -0.5, out=squares).astype(np.float32)


def _most_of_few(flipped: Singles, scale: Singles) -> Singles:
    """Return patterns x raters: the largest statistic of any other rater over this one."""
    most = np.full(flipped.shape, -math.inf, np.float32)
    for rater in range(flipped.shape[1]):
        np.maximum(most, (flipped[:, rater, None] - flipped) * scale[rater], out=most)
    return most


@compiled
def _most(flipped: Singles, scale: Singles) -> Singles:
    """Return the same, of thousands of raters in a second: their rows are taken in blocks that the processor keeps."""
    patterns, raters = flipped.shape
    most = np.full((patterns, raters), -np.inf, np.float32)
    for top in range(0, raters, 32):
        for pattern in range(patterns):
            for rater in range(top, min(top + 32, raters)):
                own = flipped[pattern, rater]
                for other in range(raters):
                    found = (own - flipped[pattern, other]) * scale[rater, other]
                    if found > most[pattern, other]:  # noqa: PLR1730  # max() would not become one instruction
                        most[pattern, other] = found
    return most


def rank_sets(values: Numbers, pairs: Numbers) -> tuple[Numbers, Numbers]:
    """Return the lowest and the highest rank of each rater that the data do not rule out.

    With a probability of 95 % the sets of all raters hold their true ranks at the same time: a rater's rank is at least
    one more than the number of those who are better by ``pairs``, and at most all less those who are worse (Mogstad,
    Romano, Shaikh and Wilhelm, Rev Econ Stud 2024;91:476-518).

    Args:
        values: cases x raters, higher is better.
        pairs: As ``compare_all`` gives it.
    """
    if len(values) < 2 or np.isnan(pairs[~np.eye(len(pairs), dtype=bool)]).any():
        unknown = np.full(len(pairs), math.nan)
        return unknown, unknown
    means = values.mean(axis=0)
    better = (pairs < ALPHA) & (means[:, None] > means)
    return 1.0 + better.sum(axis=0), len(pairs) - better.sum(axis=1).astype(float)


def _signs(groups: int, resamples: int, seed: int) -> Numbers:
    """Return patterns x groups of -1 and 1; the first is that of the data."""
    if 2**groups <= _MOST_PATTERNS:
        patterns = (np.arange(2**groups)[:, None] >> np.arange(groups)) & 1
        return np.asarray(1.0 - 2.0 * patterns, np.float64)
    drawn: Numbers = np.random.default_rng(seed).choice((-1.0, 1.0), (resamples, groups))
    drawn[0] = 1.0
    return drawn
