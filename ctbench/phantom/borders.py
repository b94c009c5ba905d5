"""In-plane distances of border voxels to neighbouring labels, for redrawing a simulated reader's borders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctbench.phantom.shapes import Floats

__all__ = ["near_labels"]


def near_labels(
    labels: NDArray[np.uint8], codes: NDArray[np.uint8], spacing_mm: tuple[float, float], reach_mm: float
) -> tuple[NDArray[np.intp], Floats]:
    """Return the in-plane distances of voxels near a border to the labels around them.

    A distance transform would do the same for the whole image; near the borders, a few neighbours are enough.

    Args:
        labels: z,y,x.
        codes: All labels that occur in ``labels``, sorted.
        spacing_mm: Spacing along y, x.
        reach_mm: Largest distance in mm; at least one voxel is reached.

    Returns:
        The flat indices of voxels near a border, and for each code (rows) and each of them (columns) the distance in
        mm between the voxel and the nearest voxel of that code: 0 for its own, infinite beyond the reach.
    """
    rows, columns = (max(1, int(reach_mm / step)) for step in spacing_mm)
    size = (1, 2 * rows + 1, 2 * columns + 1)
    where = np.flatnonzero(ndimage.maximum_filter(labels, size) != ndimage.minimum_filter(labels, size))
    padded = np.pad(labels, ((0, 0), (rows, rows), (columns, columns)), mode="edge")
    z, y, x = np.unravel_index(where, labels.shape)
    start = np.ravel_multi_index((z, y + rows, x + columns), padded.shape)
    row_of = np.zeros(256, np.intp)
    row_of[codes] = np.arange(codes.size)
    flat, distance = padded.ravel(), np.full((codes.size, where.size), np.inf)
    every = np.arange(where.size)
    # From the farthest to the nearest, so that the nearest has the last word.
    for mm, dy, dx in sorted(_offsets(rows, columns, spacing_mm, reach_mm), reverse=True):
        distance[row_of[flat[start + dy * padded.shape[2] + dx]], every] = mm
    return where, distance


def _offsets(rows: int, columns: int, spacing_mm: tuple[float, float], reach_mm: float) -> list[tuple[float, int, int]]:
    offsets = []
    for dy in range(-rows, rows + 1):
        for dx in range(-columns, columns + 1):
            mm = float(np.hypot(dy * spacing_mm[0], dx * spacing_mm[1]))
            if mm <= max(reach_mm, *spacing_mm):
                offsets.append((mm, dy, dx))
    return offsets
