"""The rules that make one label map of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ctbench.consensus.patterns import Domain
from ctbench.consensus.readings import Fused, LabelMap, Readings, contested
from ctbench.consensus.soft import soft_staple_of

__all__ = ["BINARY_METHODS", "METHODS", "RULES", "vote_counts"]


Rule = Callable[[Readings, Domain], Fused]
Decide = Callable[[LabelMap, NDArray[np.intp]], NDArray[np.bool_]]


def majority(maps: Sequence[LabelMap]) -> Fused:
    """Take the label that more than half of the readers drew; background is a label like any other."""
    return _vote(maps, lambda votes, counts: 2 * counts.max(axis=0) <= len(votes))


def plurality(maps: Sequence[LabelMap]) -> Fused:
    """Take the label that most readers drew; undecided where two or more labels have the most votes."""

    def is_tied(votes: LabelMap, counts: NDArray[np.intp]) -> NDArray[np.bool_]:
        top = counts == counts.max(axis=0)
        first = np.take_along_axis(votes, top.argmax(axis=0)[None], axis=0)
        tied: NDArray[np.bool_] = (top & (votes != first)).any(axis=0)
        return tied

    return _vote(maps, is_tied)


def union(maps: Sequence[LabelMap]) -> Fused:
    """Take what any reader drew; the maps hold one code and 0."""
    return Fused(reduce(np.bitwise_or, maps), np.zeros(maps[0].shape, bool))


def intersection(maps: Sequence[LabelMap]) -> Fused:
    """Take what all readers drew; the maps hold one code and 0."""
    return Fused(reduce(np.bitwise_and, maps), np.zeros(maps[0].shape, bool))


def staple(readings: Readings, domain: Domain) -> Fused:
    """Take the label that STAPLE finds most probable; undecided where two are equally probable."""
    return soft_staple_of(readings, domain).fused


def _by_panel(rule: Callable[[Sequence[LabelMap]], Fused]) -> Rule:
    """Apply a rule of complete votes to each set of slices that the same readers annotated."""

    def fused(readings: Readings, _domain: Domain) -> Fused:
        labels = np.zeros(readings.shape, readings.maps[0].dtype)
        undecided = np.zeros(readings.shape, bool)
        for maps, slices in readings.panels():
            labels[slices], undecided[slices] = rule(maps)
        return Fused(labels, undecided)

    return fused


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "majority": _by_panel(majority),
        "plurality": _by_panel(plurality),
        "staple": staple,
        "union": _by_panel(union),
        "intersection": _by_panel(intersection),
    }
)
METHODS = tuple(RULES)
"""The names of the rules."""
BINARY_METHODS = ("union", "intersection")
"""Those that have no meaning where there is more than one structure."""


def vote_counts(votes: LabelMap) -> NDArray[np.intp]:
    """Count, for each reader's vote (readers x voxels), how many readers voted alike; of the same shape."""
    return np.stack([np.count_nonzero(votes == vote, axis=0) for vote in votes])


def _vote(maps: Sequence[LabelMap], undecided_where: Decide) -> Fused:
    # Readers differ in few voxels: only these are counted.
    differ = contested(maps)
    votes = np.stack([array[differ] for array in maps])
    counts = vote_counts(votes)
    winner = np.take_along_axis(votes, counts.argmax(axis=0)[None], axis=0)[0]
    tied = undecided_where(votes, counts)
    labels, undecided = maps[0].copy(), np.zeros(maps[0].shape, bool)
    labels[differ] = np.where(tied, 0, winner)
    undecided[differ] = tied
    return Fused(labels, undecided)
