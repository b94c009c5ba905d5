"""Regions of lesions: the predicted voxels nearer to one lesion than to any other (Voronoi regions, in mm).

Source: Jaus et al., Every component counts: rethinking the measure of success for medical semantic segmentation in
multi-instance segmentation tasks, AAAI 2025;39:3904-3912; there distances are in voxels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ctbench.metrics.lesions.runs import counted_voxels
from ctbench.metrics.lesions.table import Links, OverlapTable, Pieces

__all__ = ["in_regions"]


def in_regions(table: OverlapTable) -> OverlapTable:
    """Return the table in which the pieces are what is predicted in the region of each lesion: one piece a lesion.

    A voxel equally near to two lesions is in the region of one of them. Regions without a predicted voxel have no
    piece, and without lesions there are no regions: the pieces remain.

    Args:
        table: The table of connected lesions.
    """
    crop = table.crop
    if crop is None or not len(table.lesions) or not len(table.pieces):
        return table
    at, _ = table.pieces.at()
    regions = _regions(table, at)
    single = np.stack([*at, at[2] + 1], axis=1).astype(np.int32)
    counted = counted_voxels(single, crop.uncounted, 1)
    sizes = np.bincount(regions, counted, len(table.lesions))
    numbers = np.where(sizes > 0, np.cumsum(sizes > 0) - 1, -1)[regions]
    order = np.flatnonzero(numbers >= 0)
    order = order[np.lexsort((*at[::-1, order], numbers[order]))]
    parts = Pieces(single[order], numbers[order], counted[order], np.zeros(np.count_nonzero(sizes), bool))
    inside = crop.reference.voxels[tuple(at)] > 0
    inside &= numbers >= 0
    links = Links.summed(regions[inside], numbers[inside], counted[inside])
    return replace(table, pieces=parts, links=links)


def _regions(table: OverlapTable, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the lesion nearest to each predicted voxel, (z, y, x) x voxels."""
    own, lesions = table.lesions.at()
    assert table.crop is not None
    mask = table.crop.reference.voxels > 0
    border = ~_surrounded(mask)[tuple(own)]
    # A voxel of a lesion without a counted voxel is in no lesion.
    painted = np.full(mask.shape, -1, np.int32)
    painted[tuple(own)] = lesions
    regions = painted[tuple(at)].astype(np.int64)
    outside = np.flatnonzero(regions < 0)
    spacing = np.array(table.spacing_mm)
    tree = cKDTree(own[:, border].T * spacing)
    regions[outside] = lesions[border][tree.query(at[:, outside].T * spacing)[1]]
    return np.asarray(regions, np.int64)


def _surrounded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether a voxel and the six that share a face with it belong to a mask, which has an empty margin."""
    inner = mask.copy()
    for axis in range(3):
        for step in (1, -1):
            inner &= np.roll(mask, step, axis)
    return inner
