"""Consensus rules: how readers' votes on a voxel become a label.

A rule is applied to vote patterns, of which there are dozens, not to voxels: its verdict on a pattern holds for every
voxel with that pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.consensus.patterns import ABSENT, Contested, Domain, count_patterns, weighted_shares
from ctbench.consensus.readings import Readings
from ctbench.consensus.simple import simple_weights
from ctbench.consensus.staple import fit_staple

__all__ = ["BINARY_METHODS", "ESTIMATING_METHODS", "METHODS", "RULES", "Verdicts", "vote_counts", "vote_shares"]


class Verdicts(NamedTuple):
    """The verdict of a rule on each vote pattern."""

    chosen: NDArray[np.intp]
    """Index in the codes of the chosen label; 0 (background) if undecided."""
    undecided: NDArray[np.bool_]


_ROUNDING = 1e-9
"""Shares of weights nearer than this are equal."""

Rule = Callable[[Readings, Contested, Domain], Verdicts]


def vote_counts(votes: NDArray[np.int64], codes: int) -> NDArray[np.int64]:
    """Count the votes for each label; patterns x codes.

    Args:
        votes: patterns x readers, indices of codes, ``ABSENT`` for a reader who did not annotate the slice.
        codes: Number of codes.
    """
    counts = np.zeros((len(votes), codes + 1), np.int64)  # the last column takes those who are absent
    for own in votes.T:
        counts[np.arange(len(votes)), own] += 1
    return counts[:, :codes]


def vote_shares(readings: Readings, found: Contested) -> NDArray[np.float64]:
    """Return the share, by weight, of the readers asked for a label who drew it: patterns x codes.

    Background has the smallest share, over the labels, of those who drew nothing: a reader who was not asked for a
    label says nothing about it. With equal weights and all labels asked for, these are the shares of plain votes.
    """
    asked = readings.asked_of(found.codes.tolist())
    weights = np.array(readings.weights or [1.0] * len(readings.readers))
    return weighted_shares(found.votes, asked * weights[:, None])


def _is_plain(readings: Readings) -> bool:
    return not (readings.asked or readings.weights)


def majority(readings: Readings, found: Contested, _domain: Domain) -> Verdicts:
    """Choose the label that more than half of the readers drew; background is a label like any other."""
    if not _is_plain(readings):
        return _above_half(vote_shares(readings, found))
    counts = vote_counts(found.votes, len(found.codes))
    total = counts.sum(axis=1)
    return _verdicts(counts, (2 * counts.max(axis=1, initial=0) <= total) & (total > 0))


def _above_half(shares: NDArray[np.float64]) -> Verdicts:
    """Choose the one label with more than half of the votes; undecided if there is none, or two with other voters."""
    above = shares > 0.5 + _ROUNDING
    return _verdicts(shares, (above.sum(axis=1) != 1) & shares.any(axis=1))


def plurality(readings: Readings, found: Contested, _domain: Domain) -> Verdicts:
    """Choose the label that most readers drew; undecided if two or more labels have the most votes."""
    if not _is_plain(readings):
        shares = vote_shares(readings, found)
        most = shares >= shares.max(axis=1, keepdims=True, initial=0) - _ROUNDING
        return _verdicts(shares, (most.sum(axis=1) > 1) & shares.any(axis=1))
    counts = vote_counts(found.votes, len(found.codes))
    tied = (counts == counts.max(axis=1, keepdims=True, initial=0)).sum(axis=1) > 1
    return _verdicts(counts, tied & counts.any(axis=1))


def staple(readings: Readings, found: Contested, domain: Domain) -> Verdicts:
    """Choose the label that is most probable by STAPLE; undecided if two are equally probable."""
    fit = fit_staple(count_patterns(readings, found, domain), readings.asked_of(found.codes.tolist()))
    own = slice(len(found.votes))
    looked = (found.votes != ABSENT).any(axis=1)
    return _verdicts(fit.posterior[own], fit.undecided[own] & looked)


def simple(readings: Readings, found: Contested, domain: Domain) -> Verdicts:
    """Choose the label with more than half of the votes, weighted by each reader's Dice with what is chosen."""
    weights = simple_weights(count_patterns(readings, found, domain), readings.asked_of(found.codes.tolist()))
    return _above_half(weighted_shares(found.votes, weights))


def union(_readings: Readings, found: Contested, _domain: Domain) -> Verdicts:
    """Choose the label if any reader drew it; there is one code besides 0."""
    drawn: NDArray[np.bool_] = np.any(found.votes > 0, axis=1)
    return Verdicts(drawn.astype(np.intp), np.zeros(len(drawn), bool))


def intersection(_readings: Readings, found: Contested, _domain: Domain) -> Verdicts:
    """Choose the label if all readers drew it; there is one code besides 0."""
    drawn: NDArray[np.bool_] = np.all(found.votes != 0, axis=1) & np.any(found.votes > 0, axis=1)
    return Verdicts(drawn.astype(np.intp), np.zeros(len(drawn), bool))


def _verdicts(support: NDArray[np.number], undecided: NDArray[np.bool_]) -> Verdicts:
    return Verdicts(np.where(undecided, 0, support.argmax(axis=1)), undecided)


RULES: Mapping[str, Rule] = MappingProxyType(
    {rule.__name__: rule for rule in (majority, plurality, staple, simple, union, intersection)}
)
METHODS = tuple(RULES)
"""The names of the rules."""
BINARY_METHODS = ("union", "intersection")
"""The rules for label maps of a single structure."""
ESTIMATING_METHODS = ("staple", "simple")
"""The rules that estimate how good each reader is, from all voxels and not from contested ones alone."""
