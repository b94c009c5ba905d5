"""The ABC/2 rule: the volume of a hemorrhage as clinicians estimate it at the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ctbench.compiled import compiled

__all__ = ["abc2_ml", "abc2_of_slices", "hull_corners", "longest_chord", "longest_chords"]

_TIE = 1e-9


def abc2_ml(mask: NDArray[np.bool_], spacing_mm: Sequence[float], *, graded: bool = True) -> float:
    """Estimate the volume of a structure by the ABC/2 rule.

    A is the largest diameter on the axial slice on which the structure has its largest area, B the largest diameter
    perpendicular to A on that slice, C the number of slices times their distance. A slice counts 1 where the area is
    more than 75 % of the largest, 1/2 from 25 % to 75 %, and 0 below 25 %; without grading each counts 1. A perfect
    ellipsoid is estimated a third too low with grading, since its outer slices are tapered, and 4.5 % too low without.

    Diameters run between the middles of the outer pixel edges, so that a single pixel is as wide as it is, and are
    those of the convex hull. The structure is taken as one: where it has several pieces on the slice, the hull spans
    them all, so that the rule overestimates them. Of several slices with the largest area, the one with the largest
    A x B counts.

    Source: Kothari et al., The ABCs of measuring intracerebral hemorrhage volumes, Stroke 1996;27:1304-1305.

    Args:
        mask: z,y,x.
        spacing_mm: z,y,x.
        graded: Whether slices count by their area. Default: yes, as in Kothari's paper and in the metrics.

    Returns:
        The estimate in mL; 0 for an empty mask.
    """
    return abc2_of_slices(np.count_nonzero(mask, axis=(1, 2)), mask.__getitem__, spacing_mm, graded=graded)


def abc2_of_slices(
    areas: NDArray[np.integer],
    slice_at: Callable[[int], NDArray[np.bool_]],
    spacing_mm: Sequence[float],
    *,
    graded: bool = True,
) -> float:
    """Return the estimate of ``abc2_ml`` for a structure of which only the largest slices are looked at.

    Args:
        areas: Number of voxels in each slice.
        slice_at: Index of a slice -> the structure in it, y,x.
        spacing_mm: z,y,x.
        graded: As for ``abc2_ml``.
    """
    largest = int(areas.max(initial=0))
    if not largest:
        return 0.0
    a_times_b = max(_a_times_b(slice_at(z), spacing_mm[1:]) for z in np.flatnonzero(areas == largest).tolist())
    if not graded:
        return float(a_times_b * np.count_nonzero(areas) * spacing_mm[0] / 2 / 1000)
    # In whole pixels, so that an area of exactly a quarter is one.
    slices = np.count_nonzero(4 * areas > 3 * largest) + 0.5 * np.count_nonzero(
        (4 * areas >= largest) & (4 * areas <= 3 * largest)
    )
    return a_times_b * slices * spacing_mm[0] / 2 / 1000


def _a_times_b(area: NDArray[np.bool_], spacing_mm: Sequence[float]) -> float:
    hull = _hull(area, spacing_mm)
    longest, directions = longest_chords(hull)
    return float(longest) * max(_widest_across(hull, direction) for direction in directions)


def _hull(area: NDArray[np.bool_], spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """Return the corners, in mm and in order, of the convex hull of the midpoints of the pixels' edges."""
    # In half pixels the midpoints are whole numbers, so that which of them are corners is exact.
    corners: NDArray[np.float64] = hull_corners(area) / 2 * np.asarray(spacing_mm, np.float64)
    return corners


@compiled
def hull_corners(area: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the corners, in order, of the convex hull of the midpoints of the pixels' edges.

    Source: Andrew, Information Processing Letters 1979;9:216-219.

    Args:
        area: y,x; not empty.

    Returns:
        n x (y, x) in half pixels, from the middle of the first pixel.
    """
    height, width = area.shape
    # The first and the last pixel of every row are enough: the others lie between them.
    ends = np.empty((2, 2 * height + 1), np.int64)
    ends[0], ends[1] = 2 * width + 1, -2
    for y in range(height):
        row = area[y]
        first, last = 0, width - 1
        while first < width and not row[first]:
            first += 1
        if first == width:
            continue
        while not row[last]:
            last -= 1
        for step in range(3):
            out = step % 2
            ends[0, 2 * y + step] = min(ends[0, 2 * y + step], 2 * first - out)
            ends[1, 2 * y + step] = max(ends[1, 2 * y + step], 2 * last + out)
    chain = np.empty((2 * ends.shape[1], 2), np.int64)
    size = 0
    for side in range(2):  # down the left ends of the rows, and up the right ones
        start = size
        for i in range(ends.shape[1]):
            line = i if side == 0 else ends.shape[1] - 1 - i
            if ends[1, line] < ends[0, line]:
                continue
            y, x = line - 1, ends[side, line]
            while size - start > 1:
                before, corner = chain[size - 2], chain[size - 1]
                if (corner[0] - before[0]) * (x - before[1]) > (corner[1] - before[1]) * (y - before[0]):
                    break
                size -= 1
            if size and chain[size - 1, 0] == y and chain[size - 1, 1] == x:  # the lowest, reached from both sides
                start = size - 1
                continue
            chain[size, 0], chain[size, 1] = y, x
            size += 1
    if chain[size - 1, 0] == chain[0, 0] and chain[size - 1, 1] == chain[0, 1]:
        size -= 1
    return chain[:size]


@compiled
def longest_chords(hull: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return the length of the longest chords between corners of a convex polygon, and the direction of each of them.

    Args:
        hull: n x (y, x), the corners in mm.

    Returns:
        The length in mm, and unit vectors, chords x (y, x); chords that differ by rounding are equally long.
    """
    n = len(hull)
    lengths = np.empty((n, n))
    for i in range(n):
        for j in range(i, n):
            y, x = hull[i, 0] - hull[j, 0], hull[i, 1] - hull[j, 1]
            lengths[i, j] = lengths[j, i] = np.sqrt(y * y + x * x)
    longest = lengths.max()
    directions, count = np.empty((n * n, 2)), 0
    for i in range(n):
        for j in range(i, n):
            if lengths[i, j] >= longest * (1 - _TIE):
                directions[count] = (hull[i] - hull[j]) / lengths[i, j]
                count += 1
    return longest, directions[:count].copy()


def _widest_across(hull: NDArray[np.float64], direction: NDArray[np.float64]) -> float:
    """Return the length of the longest chord of a hull perpendicular to a direction."""
    return float(longest_chord(hull @ direction, hull @ np.array([-direction[1], direction[0]])))


@compiled
def longest_chord(along: NDArray[np.float64], across: NDArray[np.float64]) -> float:
    """Return the length of the longest chord of a convex polygon that runs across.

    The length of such a chord is a concave, piecewise linear function of its position along, so that the longest chord
    passes through a corner.

    Args:
        along: Positions of the corners, in order, in the direction along.
        across: Their positions in the direction across.
    """
    widest = -np.inf
    for corner in range(along.size):
        lowest, highest = np.inf, -np.inf
        for first in range(along.size):
            second = first + 1 if first + 1 < along.size else 0
            run = along[second] - along[first]
            if run == 0:
                continue
            part = (along[corner] - along[first]) / run
            if 0 <= part <= 1:
                crossing = across[first] + part * (across[second] - across[first])
                lowest, highest = min(lowest, crossing), max(highest, crossing)
        widest = max(widest, highest - lowest)
    return widest
