"""Vote patterns: the distinct ways in which readers voted on a voxel, and how many voxels have each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.consensus.readings import LabelMap, Readings, contested
from ctbench.errors import GeometryError, UsageError

__all__ = ["ABSENT", "MARGIN", "Domain", "PatternMap", "VotePatterns", "count_patterns", "patterns_of", "pool"]

ABSENT = -1
"""The vote of a reader who did not annotate the slice."""

MARGIN = 1
"""Voxels by which the box of what anyone drew is grown on every side."""

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
class PatternMap:
    """The vote patterns of one case, and where they stand.

    Args:
        patterns: The patterns, counted by slice; the last group is what the box has beyond the image.
        contested: z,y,x bool, the voxels on which the readers who annotated the slice differ.
        place: The index of the pattern of each contested voxel, in C order.
    """

    patterns: VotePatterns
    contested: NDArray[np.bool_]
    place: NDArray[np.intp]


class _Panel(NamedTuple):
    """Votes in the slices that the same readers annotated: contested voxels one by one, the others counted."""

    votes: Votes  # contested voxels x readers
    flat: NDArray[np.intp]  # where each contested voxel stands in the case, in C order
    agreed: Votes  # codes x readers
    counts: Counts  # slices + 1 x codes


def count_patterns(readings: Readings, domain: Domain = "box") -> PatternMap:
    """Count the vote patterns of one case.

    Readers differ in few voxels, and only those are looked at one by one. What the box has beyond the image counts as
    background that every reader saw, so that padding an image changes nothing.

    Args:
        readings: What the readers drew.
        domain: Where background counts.

    Raises:
        UsageError: ``domain`` is a word other than ``box`` and ``image``.
        GeometryError: ``domain`` is a mask of another shape than the label maps.
    """
    codes = reduce(np.union1d, [np.unique(array) for array in readings.maps], np.zeros(1, np.int64)).astype(np.int64)
    differ = np.zeros(readings.shape, bool)
    area, beyond = _area(readings, domain)
    outside = np.zeros((len(area) + 1, 1))
    outside[-1] = beyond
    panels = list(_panels(readings, codes, differ, area))
    flat = np.concatenate([np.empty(0, np.intp), *(panel.flat for panel in panels)])
    votes = np.concatenate([np.empty((0, len(readings.readers)), np.int64), *(panel.votes for panel in panels)])
    order = np.argsort(flat, kind="stable")
    kinds, place = _distinct(votes[order], len(codes))
    slices = flat[order] // (readings.shape[1] * readings.shape[2] or 1)
    table = np.bincount(slices * len(kinds) + place, minlength=(len(area) + 1) * len(kinds)).astype(np.float64)
    everyone_background = np.zeros((1, len(readings.readers)), np.int64)
    patterns = VotePatterns(
        np.concatenate([kinds, everyone_background, *(panel.agreed for panel in panels)]),
        np.concatenate([table.reshape(len(area) + 1, -1), outside, *(panel.counts for panel in panels)], axis=1),
        codes,
    )
    return PatternMap(patterns, differ, place)


def patterns_of(votes: NDArray[np.integer]) -> VotePatterns:
    """Count the patterns of one structure's votes.

    Args:
        votes: readers x voxels: 1 drawn, 0 not drawn, ``ABSENT`` where the reader did not look.

    Returns:
        The patterns, in one group of voxels.
    """
    kinds, place = _distinct(votes.T.astype(np.int64), 2)
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
    kinds, place = _distinct(np.concatenate(rows), len(codes))
    counts = np.zeros((len(cases), len(kinds)))
    ends = np.cumsum([0, *(len(case.votes) for case in cases)])
    for row, case, begin, end in zip(counts, cases, ends[:-1], ends[1:], strict=True):
        np.add.at(row, place[begin:end], case.counts.sum(axis=0))
    return VotePatterns(kinds, counts, codes)


def _panels(readings: Readings, codes: NDArray[np.int64], differ: NDArray[np.bool_], area: Counts) -> Iterator[_Panel]:
    """Count the slices of each set of readers; marks the contested voxels in ``differ``."""
    slices = np.arange(readings.shape[0])
    for maps, where in readings.panels():
        at = slices[where]
        present = readings.annotated[:, at[0]]
        differ[where] = disputed = contested(maps)
        votes = np.full((int(np.count_nonzero(disputed)), len(present)), ABSENT, np.int64)
        votes[:, present] = np.searchsorted(codes, np.column_stack([array[disputed] for array in maps]))
        z, y, x = np.nonzero(disputed)
        yield _Panel(
            votes,
            np.ravel_multi_index((at[z], y, x), readings.shape),
            np.where(present, np.arange(len(codes))[:, None], ABSENT),
            _agreed(maps[0], disputed, at, codes, area),
        )


def _agreed(
    drawn: LabelMap, disputed: NDArray[np.bool_], at: NDArray[np.intp], codes: NDArray[np.int64], area: Counts
) -> Counts:
    """Count by slice and code the voxels on which all readers agree; slices + 1 x codes."""
    counts = np.zeros((len(area) + 1, len(codes)))
    for index, labels, away in zip(at, drawn, disputed, strict=True):
        found, number = np.unique(labels[(labels != 0) & ~away], return_counts=True)
        counts[index, np.searchsorted(codes, found)] = number
        counts[index, 0] = area[index] - number.sum() - np.count_nonzero(away)
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


def _distinct(votes: Votes, codes: int) -> tuple[Votes, NDArray[np.intp]]:
    """Return the distinct rows, sorted, and for each row the index of its own."""
    key = np.zeros(len(votes), np.int64)
    for column in votes.T:
        # Renumbered at each step, so that no number of readers or codes overflows.
        key = np.unique(key * (codes + 1) + column + 1, return_inverse=True)[1].ravel() if len(votes) else key
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    return votes[first], place.ravel()
