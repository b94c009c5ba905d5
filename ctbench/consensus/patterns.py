"""Vote patterns: the distinct combinations of readers' votes on a voxel, and the number of voxels with each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ctbench.consensus.readings import LabelMap, Readings, contested
from ctbench.errors import GeometryError, UsageError

__all__ = [
    "ABSENT",
    "MARGIN",
    "Contested",
    "Domain",
    "VotePatterns",
    "contested_patterns",
    "count_patterns",
    "patterns_of",
    "pool",
    "weighted_shares",
]

ABSENT = -1
"""The vote of a reader who did not annotate the slice."""

MARGIN = 1
"""Voxels by which the box of what anyone drew is grown on every side."""

_TABLE = 2**16
"""Codes below are looked up in a table of this size; those above are searched."""

Domain = Literal["box", "image"] | NDArray[np.bool_]
"""Where background counts: ``box``, what anyone drew with a margin of ``MARGIN`` voxels; ``image``; or a mask, z,y,x
bool (of the brain, say), together with what anyone drew."""

Votes = NDArray[np.int64]
Counts = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VotePatterns:
    """Distinct votes of the same readers, and the number of voxels with each.

    Args:
        votes: patterns x readers, the index in ``codes`` of what the reader drew; ``ABSENT`` where he did not look.
        counts: groups x patterns, the number of voxels; a group is a slice, or a case.
        codes: label codes, ascending, with 0 for background.
    """

    votes: Votes
    counts: Counts
    codes: NDArray[np.int64]

    def without_group(self, group: int) -> VotePatterns:
        """Return the patterns without the voxels of one group."""
        return VotePatterns(self.votes, np.delete(self.counts, group, axis=0), self.codes)


@dataclass(frozen=True, eq=False)
class Contested:
    """The voxels of one case on which readers differ, by vote pattern.

    Args:
        at: Flat indices of the voxels, ascending.
        place: For each of them, the index of its pattern.
        votes: patterns x readers, as in ``VotePatterns``.
        codes: Label codes, ascending, with 0 for background.
    """

    at: NDArray[np.intp]
    place: NDArray[np.intp]
    votes: Votes
    codes: NDArray[np.int64]

    def of(self, readers: Sequence[int]) -> Contested:
        """Return the voxels on which some of the readers still differ."""
        votes = self.votes[:, readers]
        smallest = np.where(votes == ABSENT, len(self.codes), votes).min(axis=1, initial=len(self.codes))
        keep = (votes.max(axis=1, initial=ABSENT) > smallest)[self.place]
        return Contested(self.at[keep], self.place[keep], votes, self.codes)


def contested_patterns(readings: Readings) -> Contested:
    """Find the voxels on which the readers who annotated the slice differ, and how each of them voted there."""
    size, readers = readings.shape[1] * readings.shape[2], len(readings.readers)
    flat, drawn = [np.empty(0, np.intp)], [np.empty((readers, 0), readings.maps[0].dtype)]
    looked, agreed = [np.empty((readers, 0), bool)], [np.zeros(1, readings.maps[0].dtype)]
    for maps, where in readings.panels():
        slices = np.arange(readings.shape[0])[where]
        inside, labels = contested(maps)
        present = readings.annotated[:, slices[0]]
        flat.append(inside if len(slices) == readings.shape[0] else slices[inside // size] * size + inside % size)
        drawn.append(np.zeros((readers, len(inside)), labels.dtype))
        drawn[-1][present] = labels
        looked.append(np.broadcast_to(present[:, None], drawn[-1].shape))
        agreed.append(_occurring(maps[0]))
    at, labels = np.concatenate(flat), np.concatenate(drawn, axis=1)
    # As unsigned and signed integers of 64 bits they would meet as floats.
    codes = np.unique(np.concatenate([one.astype(np.int64) for one in (*agreed, _occurring(labels))]))
    votes = _index(codes, labels)
    votes[~np.concatenate(looked, axis=1)] = ABSENT
    order = np.argsort(at, kind="stable") if len(flat) > 2 else slice(None)
    kinds, place = _distinct(votes[:, order], len(codes))
    return Contested(at[order], place, kinds, codes)


def _occurring(labels: LabelMap) -> NDArray[np.integer]:
    """Return the distinct labels, sorted."""
    # Neighbours are mostly alike: only where a run begins is there anything new. Slice by slice, as in ``contested``.
    found = [own[:1] for own in map(np.ravel, labels)]
    found += [own[1:][np.flatnonzero(own[1:] != own[:-1])] for own in map(np.ravel, labels)]
    return np.unique(np.concatenate([labels.ravel()[:0], *found]))


def count_patterns(readings: Readings, found: Contested, domain: Domain = "box") -> VotePatterns:
    """Count the vote patterns of all voxels of the domain, contested or not, by slice.

    What a box has beyond the image counts as background that every reader saw, so that padding an image changes
    nothing; it is a group of its own, the last.

    Args:
        readings: What the readers drew.
        found: Their contested voxels. The first patterns of the result are its patterns.
        domain: Where background counts.

    Raises:
        UsageError: ``domain`` is a word other than ``box`` and ``image``.
        GeometryError: ``domain`` is a mask of another shape than the label maps.
    """
    area, beyond = _area(readings, domain)
    depth, kinds, codes = len(area), len(found.votes), found.codes
    slices = found.at // (readings.shape[1] * readings.shape[2] or 1)
    disputed = np.bincount(slices * kinds + found.place, minlength=(depth + 1) * kinds).reshape(depth + 1, kinds)
    votes, counts = [found.votes, np.zeros((1, len(readings.readers)), np.int64)], [disputed, np.zeros((depth + 1, 1))]
    counts[1][-1] = beyond
    agreed = _agreed(readings, found, area)
    for present in np.unique(readings.annotated, axis=1).T:
        alike = (readings.annotated == present[:, None]).all(axis=0) & present.any()
        votes.append(np.where(present, np.arange(len(codes))[:, None], ABSENT))
        counts.append(np.append(agreed * alike[:, None], np.zeros((1, len(codes))), axis=0))
    return VotePatterns(np.concatenate(votes), np.concatenate(counts, axis=1).astype(np.float64), codes)


def patterns_of(votes: NDArray[np.integer]) -> VotePatterns:
    """Count the patterns of one structure's votes.

    Args:
        votes: readers x voxels: 1 drawn, 0 not drawn, ``ABSENT`` where the reader did not look.

    Returns:
        The patterns, in one group of voxels.
    """
    kinds, place = _distinct(votes.astype(np.int64), 2)
    counts = np.bincount(place, minlength=len(kinds)).astype(np.float64)
    return VotePatterns(kinds, counts[None], np.array([0, 1]))


def pool(cases: Sequence[VotePatterns], readers_of: Sequence[Sequence[str]], readers: Sequence[str]) -> VotePatterns:
    """Return the patterns of several cases, counted by case.

    Args:
        cases: One or more.
        readers_of: The names of the readers of each case, in the order of its votes.
        readers: The names of all readers; one who did not read a case is absent from all of its patterns.
    """
    codes = reduce(np.union1d, [case.codes for case in cases])
    rows = []
    for case, names in zip(cases, readers_of, strict=True):
        own = np.full((len(case.votes), len(readers)), ABSENT, np.int64)
        renumbered = np.searchsorted(codes, case.codes)[case.votes]
        own[:, [readers.index(name) for name in names]] = np.where(case.votes == ABSENT, ABSENT, renumbered)
        rows.append(own)
    kinds, place = _distinct(np.concatenate(rows).T, len(codes))
    counts = np.zeros((len(cases), len(kinds)))
    ends = np.cumsum([0, *(len(case.votes) for case in cases)])
    for row, case, begin, end in zip(counts, cases, ends[:-1], ends[1:], strict=True):
        np.add.at(row, place[begin:end], case.counts.sum(axis=0))
    return VotePatterns(kinds, counts, codes)


def weighted_shares(votes: Votes, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share, by weight, of the votes about each label that are for it: patterns x codes.

    Background has the smallest share, over the labels, of those who drew nothing: a reader without a weight for a label
    says nothing about it. With equal weights these are the shares of plain votes.

    Args:
        votes: patterns x readers, as in ``VotePatterns``.
        weights: readers x codes, the weight of each reader's vote about each label; 0: none.
    """
    total = (votes != ABSENT).astype(np.float64) @ weights
    drew = np.stack([(votes == place) @ weights[:, place] for place in range(weights.shape[1])], axis=1)
    blank = (votes == 0).astype(np.float64) @ weights
    shares: NDArray[np.float64] = np.divide(drew, total, out=np.zeros_like(total), where=total > 0)
    against = np.divide(blank, total, out=np.ones_like(total), where=total > 0)
    shares[:, 0] = against[:, 1:].min(axis=1, initial=1.0) * (total[:, 0] > 0)
    return shares


def _agreed(readings: Readings, found: Contested, area: Counts) -> Counts:
    """Count by slice and code the voxels of the domain on which all readers of the slice agree."""
    drawn = readings.first()
    drawn.ravel()[found.at] = 0
    disputed = np.bincount(found.at // (readings.shape[1] * readings.shape[2] or 1), minlength=len(area))
    counts = np.zeros((len(area), len(found.codes)))
    for index, labels in enumerate(drawn):
        codes, number = np.unique(labels[labels != 0], return_counts=True)
        counts[index, np.searchsorted(found.codes, codes)] = number
    counts[:, 0] = area - counts[:, 1:].sum(axis=1) - disputed
    return counts


def _area(readings: Readings, domain: Domain) -> tuple[Counts, float]:
    """Return the number of voxels of the domain in each slice, and what it has beyond the image."""
    depth, height, width = readings.shape
    if isinstance(domain, str) and domain == "image":
        return np.full(depth, float(height * width)), 0.0
    drawn = reduce(np.logical_or, [array != 0 for array in readings.maps])
    if not isinstance(domain, str):
        if domain.shape != readings.shape:
            msg = f"domain has shape {domain.shape}; expected that of the label maps, {readings.shape}"
            raise GeometryError(msg)
        return (domain.astype(bool) | drawn).sum(axis=(1, 2)).astype(np.float64), 0.0
    if domain != "box":
        msg = f"unknown domain {domain!r}; expected 'box', 'image' or a mask"
        raise UsageError(msg)
    spans = [np.flatnonzero(drawn.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    if not spans[0].size:
        return np.zeros(depth), 0.0
    (first, last), *plane = [(int(span[0]) - MARGIN, int(span[-1]) + MARGIN + 1) for span in spans]
    size = float(np.prod([end - begin for begin, end in plane]))
    area = np.zeros(depth)
    area[max(first, 0) : last] = size
    return area, size * (max(-first, 0) + max(last - depth, 0))


def _index(codes: NDArray[np.int64], labels: LabelMap) -> NDArray[np.int64]:
    """Return the index of each label in ``codes``, which holds them all."""
    if codes[-1] >= _TABLE:
        return np.searchsorted(codes, labels)
    table = np.zeros(int(codes[-1]) + 1, np.int64)
    table[codes] = np.arange(len(codes))
    return table[labels]


def _distinct(votes: Votes, codes: int) -> tuple[Votes, NDArray[np.intp]]:
    """Return the distinct columns of votes (readers x voxels) as patterns x readers, and each voxel's pattern."""
    key, values = np.zeros(votes.shape[1], np.int64), 1
    for own in votes:
        if values > _TABLE:  # renumbered, so that no number of readers or codes overflows
            key, values = _renumbered(key, values)
        key, values = key * (codes + 1) + own + 1, values * (codes + 1)
    place, _ = _renumbered(key, values)
    first = np.zeros(int(place.max(initial=-1)) + 1, np.intp)
    first[place[::-1]] = np.arange(len(place))[::-1]
    return votes[:, first].T, place


def _renumbered(key: NDArray[np.int64], values: int) -> tuple[NDArray[np.intp], int]:
    """Number the keys that occur from 0, in their order."""
    if values > 16 * _TABLE:
        kinds, place = np.unique(key, return_inverse=True)
        return place.ravel(), len(kinds)
    occurs = np.bincount(key, minlength=1) > 0
    return (np.cumsum(occurs) - 1)[key], int(occurs.sum())
