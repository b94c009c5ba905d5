"""Lesion candidates: readers' connected pieces, joined where they overlap or lie near each other, and who drew each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ctbench.boxes import box_around
from ctbench.errors import UsageError
from ctbench.metrics.lesions.runs import (
    Runs,
    box_of,
    components,
    connect,
    first_of_rows,
    intersect,
    list_runs,
    mask_of,
    nearest_mm2,
)
from ctbench.reference import Reference

__all__ = ["Candidate", "Verdict", "expect_tolerance", "find_candidates", "lesion_consensus"]

Verdict = Literal["lesion", "no lesion", "undecided"]
"""Whether the readers agree that a candidate is a lesion."""

Mask = NDArray[np.bool_]

_CORNERS = np.ones((3, 3, 3), bool)
"""Voxels that share a face, an edge or a corner are connected (26 neighbours)."""
_ROUNDING_MM = 1e-6


@dataclass(frozen=True, eq=False)
class Candidate:
    """A lesion candidate: pieces of several readers that overlap or lie near each other, directly or through others.

    Args:
        readers: Names of the readers who were asked for the structure.
        where: The box of the candidate in the image, a slice along z, y and x.
        drawn: readers x z,y,x bool in that box: what each reader drew of this candidate.
        read: Whether each reader read this place: he drew the candidate, or annotated the slices that hold at least
            half of its voxels.
    """

    readers: tuple[str, ...]
    where: tuple[slice, slice, slice]
    drawn: Mask
    read: Mask

    @cached_property
    def voxels(self) -> NDArray[np.int64]:
        """Number of voxels that each reader drew."""
        return np.asarray(np.count_nonzero(self.drawn, axis=(1, 2, 3)), np.int64)

    @property
    def found(self) -> Mask:
        """Whether each reader drew the candidate."""
        found: Mask = self.voxels > 0
        return found

    @property
    def slice(self) -> int:
        """Index along z of the slice in which the readers drew most of it; of several, the first."""
        by_slice = np.count_nonzero(self.drawn, axis=(0, 2, 3))
        return int(self.where[0].start + by_slice.argmax())

    @cached_property
    def pieces(self) -> tuple[NDArray[np.int64], ...]:
        """For each reader z,y,x, the number of the connected piece that a voxel belongs to, from 1; 0: not drawn."""
        return tuple(_pieces(own) for own in self.drawn)

    @property
    def excess(self) -> NDArray[np.int64]:
        """For each voxel z,y,x, how many more of the readers who found the candidate drew it than did not."""
        return np.asarray(2 * np.count_nonzero(self.drawn, axis=0) - np.count_nonzero(self.found), np.int64)

    @cached_property
    def parts(self) -> NDArray[np.int64]:
        """The parts of the candidate z,y,x, numbered from 1: connected voxels that more than half of its finders drew.

        0 elsewhere. There is no part where nobody overlaps, and several where most readers drew several pieces.
        """
        return _pieces(self.excess > 0)

    def splits(self) -> NDArray[np.int64]:
        """Return for each reader the number of parts that the reader drew as several pieces."""
        return np.array([_meeting_several(self.parts, own) for own in self.pieces])

    def merges(self) -> NDArray[np.int64]:
        """Return for each reader the number of pieces that hold several parts."""
        return np.array([_meeting_several(own, self.parts) for own in self.pieces])

    def verdict(self, least: int | None = None) -> Verdict:
        """Return whether the readers agree that this is a lesion.

        Args:
            least: The number of readers who must have found it; None (default): more than half of those who read the
                place. Exactly half, or fewer than ``least`` readers who read the place, leave it undecided.
        """
        found, read = int(self.found.sum()), int(self.read.sum())
        if least is None:
            return "undecided" if 2 * found == read else "lesion" if 2 * found > read else "no lesion"
        return "lesion" if found >= least else "undecided" if read < least else "no lesion"


def find_candidates(
    masks: Mapping[str, ArrayLike],
    spacing_mm: Sequence[float],
    *,
    annotated: Mapping[str, ArrayLike] | None = None,
    tolerance_mm: float = 0.0,
) -> list[Candidate]:
    """Join the connected pieces (26 neighbours) of all readers to lesion candidates.

    Two pieces of different readers belong to one candidate if they overlap, or if their nearest voxels are not further
    apart than a tolerance; so do pieces that are joined through others.

    Args:
        masks: Reader -> z,y,x bool, of the readers who were asked for the structure.
        spacing_mm: Size of a voxel along z, y, x.
        annotated: Reader -> z bool, the slices that the reader annotated; a reader who is absent: all.
        tolerance_mm: The largest distance of the centres of the nearest voxels in mm. 0 (default): overlap only.

    Returns:
        The candidates: those that most readers found first, then by the voxels drawn. Neither the order of the readers
        nor a flip of the image changes which there are.

    Raises:
        UsageError: The tolerance is negative or not finite.

    Example:
        >>> ann, bob = np.zeros((2, 1, 4, 9), bool)
        >>> ann[0, 1:3, 1:3] = bob[0, 1:3, 2:4] = True
        >>> bob[0, 1, 7] = True
        >>> [one.found.tolist() for one in find_candidates({"ann": ann, "bob": bob}, (5, 1, 1))]
        [[True, True], [False, True]]
    """
    expect_tolerance(tolerance_mm)
    readers = tuple(masks)
    drawn = np.stack([np.asarray(mask, bool) for mask in masks.values()])
    looked = np.ones(drawn.shape[:2], bool)
    for place, reader in enumerate(readers):
        if annotated is not None and reader in annotated:
            looked[place] = annotated[reader]
    drawn = drawn & looked[:, :, None, None]
    box = box_around(np.logical_or.reduce(drawn))
    if box is None:
        return []
    start = np.array([side.start for side in box])
    drawings = [_drawing(own[box]) for own in drawn]
    clusters = _clusters(drawings, drawn[0][box].shape, np.array(spacing_mm, float), tolerance_mm)
    count = int(max(own.max(initial=-1) for own in clusters)) + 1
    runs = [_by_candidate(one, own, count) for one, own in zip(drawings, clusters, strict=True)]
    found = [_candidate(readers, own, start, looked) for own in zip(*runs, strict=True)]
    return sorted(
        found, key=lambda one: (-int(one.found.sum()), -int(one.voxels.sum()), [side.start for side in one.where])
    )


def expect_tolerance(tolerance_mm: float) -> None:
    """Check the tolerance of ``find_candidates``.

    Raises:
        UsageError: It is negative or not finite.
    """
    if not 0 <= tolerance_mm < np.inf:
        msg = f"the tolerance of lesions is {tolerance_mm} mm; expected 0 or a positive number"
        raise UsageError(msg)


def lesion_consensus(
    candidates: Sequence[Candidate],
    annotated: Mapping[str, NDArray[np.bool_]],
    shape: Sequence[int],
    *,
    least: int | None = None,
) -> Reference:
    """Return the reference of one structure that lesion candidates make: label 1 in lesions on which readers agree.

    Inside a lesion a voxel is drawn if more than half of the readers who found the lesion drew it, and indeterminate at
    exactly half: a reader who missed a lesion has no opinion of its border. Of an undecided candidate every voxel that
    somebody drew is indeterminate.

    Args:
        candidates: As ``find_candidates`` returns them.
        annotated: Reader -> z bool, the slices that each reader annotated.
        shape: Number of voxels of the image along z, y, x.
        least: As for ``Candidate.verdict``.
    """
    depth, height, width = shape
    labels, excluded = np.zeros((depth, height, width), np.uint8), np.zeros((depth, height, width), bool)
    for one in candidates:
        verdict, excess = one.verdict(least), one.excess
        if verdict == "lesion":
            labels[one.where] |= (excess > 0).astype(np.uint8)
            excluded[one.where] |= excess == 0
        elif verdict == "undecided":
            excluded[one.where] |= one.drawn.any(axis=0)
    method = "lesions" if least is None else f"lesions-of-{least}"
    read: Mask = np.logical_or.reduce([np.asarray(marks, bool) for marks in annotated.values()])
    return Reference(labels, excluded, read, method, tuple(annotated), {1: excluded})


class _Drawing(NamedTuple):
    """What one reader drew: rows of voxels, and the connected piece of each, from 0."""

    runs: Runs
    pieces: NDArray[np.int64]


def _drawing(mask: Mask) -> _Drawing:
    runs, _ = list_runs(np.ascontiguousarray(mask).view(np.uint8))
    return _Drawing(runs, connect(runs, True))


def _clusters(
    drawings: Sequence[_Drawing], shape: tuple[int, ...], spacing_mm: NDArray[np.float64], tolerance_mm: float
) -> list[NDArray[np.int64]]:
    """Return the candidate of each piece of each reader, from 0."""
    counts = [int(one.pieces.max(initial=-1)) + 1 for one in drawings]
    first = np.cumsum([0, *counts])
    edges = [np.empty((2, 0), np.int64)]
    for one, other in combinations(range(len(drawings)), 2):
        _, own, its = intersect(drawings[one].runs, drawings[other].runs)
        pairs = np.stack([drawings[one].pieces[own], drawings[other].pieces[its]])
        if tolerance_mm > 0:
            pairs = np.append(pairs, _near(drawings[one], drawings[other], shape, spacing_mm, tolerance_mm), axis=1)
        edges.append(pairs + first[[one, other]][:, None])
    rows, columns = np.concatenate(edges, axis=1)
    groups = components(int(first[-1]), rows, columns)
    return [groups[begin:end] for begin, end in pairwise(first.tolist())]


def _near(
    one: _Drawing, other: _Drawing, shape: tuple[int, ...], spacing_mm: NDArray[np.float64], tolerance_mm: float
) -> NDArray[np.int64]:
    """Return the pairs of pieces of two readers whose nearest voxels are within the tolerance, 2 x pairs."""
    depth, height, _ = shape
    pairs = [np.empty((2, 0), np.int64)]
    for piece in range(int(one.pieces.max(initial=-1)) + 1):
        own = one.runs[one.pieces == piece]
        mm2 = nearest_mm2(other.runs, own, first_of_rows(own, depth, height), height, spacing_mm)
        close = np.unique(other.pieces[np.sqrt(mm2) <= tolerance_mm + _ROUNDING_MM])
        pairs.append(np.stack([np.full(len(close), piece), close]))
    return np.concatenate(pairs, axis=1)


def _by_candidate(one: _Drawing, candidates: NDArray[np.int64], count: int) -> list[Runs]:
    """Return the runs of each candidate, in their order; candidates: that of each piece."""
    numbers = candidates[one.pieces]
    order = np.argsort(numbers, kind="stable")
    return np.split(one.runs[order], np.searchsorted(numbers[order], np.arange(1, count)))


def _candidate(readers: tuple[str, ...], own: Sequence[Runs], start: NDArray[np.int64], looked: Mask) -> Candidate:
    """Return the candidate that is made of these runs, one table per reader; start: of the runs' box in the image."""
    low, high = box_of(np.concatenate(own))
    drawn = np.stack([mask_of(runs, low, high) for runs in own]) > 0
    where = tuple(slice(int(begin), int(end)) for begin, end in zip(start + low, start + high, strict=True))
    by_slice = np.count_nonzero(drawn.any(axis=0), axis=(1, 2))
    read = drawn.any(axis=(1, 2, 3)) | (2 * (looked[:, where[0]] @ by_slice) >= by_slice.sum())
    return Candidate(readers, (where[0], where[1], where[2]), drawn, read)


def _pieces(mask: Mask) -> NDArray[np.int64]:
    return np.asarray(ndimage.label(mask, _CORNERS)[0], np.int64)


def _meeting_several(ones: NDArray[np.int64], others: NDArray[np.int64]) -> int:
    """Return how many pieces of one kind overlap several of the other kind."""
    both = (ones > 0) & (others > 0)
    pairs = np.unique(np.stack([ones[both], others[both]]), axis=1)
    return int(np.count_nonzero(np.bincount(pairs[0]) > 1)) if both.any() else 0
