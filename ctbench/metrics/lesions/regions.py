"""Regions of lesions: the predicted voxels nearer to one lesion than to any other (Voronoi regions, in mm).

Source: Jaus et al., Every component counts: rethinking the measure of success for medical semantic segmentation in
multi-instance segmentation tasks, AAAI 2025;39:3904-3912; there distances are in voxels.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ctbench.metrics.lesions.runs import Runs, box_of, mask_of, runs_at
from ctbench.metrics.lesions.table import Links, OverlapTable, Pieces

__all__ = ["in_regions"]

_ROUNDING = 1e-9
"""Relative difference of distances that are equal but for rounding."""


def in_regions(table: OverlapTable) -> OverlapTable:
    """Return the table in which the pieces are what is predicted in the region of each lesion: one piece a lesion.

    A region holds the voxels that are nearer to no other lesion, so a voxel equally near to several lesions counts in
    the region of each: the regions do not depend on the image's orientation or on the order of the lesions. The source
    leaves such voxels open; its code gives them to the lesion that its distance transform meets first. Regions without
    a predicted voxel have no piece, and without lesions there are no regions: the pieces remain.

    Args:
        table: The table of connected lesions.
    """
    if not len(table.lesions) or not len(table.pieces):
        return table
    at, _ = table.pieces.at
    voxels, regions = _regions(table, at)
    at = at[:, voxels]
    counted = (runs_at(table.drawn.uncounted, at) < 0).astype(np.int64)
    sizes = np.bincount(regions, counted, len(table.lesions))
    numbers = np.where(sizes > 0, np.cumsum(sizes > 0) - 1, -1)[regions]
    order = np.flatnonzero(numbers >= 0)
    order = order[np.lexsort((numbers[order], *at[::-1, order]))]
    single = np.stack([*at, at[2] + 1], axis=1).astype(np.int32)
    parts = Pieces(single[order], numbers[order], counted[order], np.zeros(np.count_nonzero(sizes), bool))
    inside = (runs_at(table.lesions.runs, at) >= 0) & (numbers >= 0)
    links = Links.summed(regions[inside], numbers[inside], counted[inside])
    return replace(table, pieces=parts, links=links)


def _regions(table: OverlapTable, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of a predicted voxel, as its column in ``at`` (z, y, x), and a lesion to which none is nearer."""
    own, lesions = table.lesions.at
    border = ~_surrounded(table.lesions.runs)[tuple(own - own.min(axis=1, keepdims=True))]
    run = runs_at(table.lesions.runs, at)
    inside = np.where(run >= 0, table.lesions.numbers[run], -1)
    outside = np.flatnonzero(inside < 0)
    spacing = np.array(table.drawn.spacing_mm)
    voxels, nearest = _nearest(own[:, border].T * spacing, at[:, outside].T * spacing)
    within = np.flatnonzero(inside >= 0)
    pairs = np.stack([np.r_[within, outside[voxels]], np.r_[inside[within], lesions[border][nearest]]])
    found = np.unique(pairs, axis=1)
    return found[0], found[1]


def _nearest(targets: NDArray[np.float64], points: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of a point and one of its nearest targets, all of them where several are equally near.

    Args:
        targets: Positions in mm, targets x 3.
        points: The same of the points.
    """
    tree = cKDTree(targets)
    # Rounding of positions in mm depends on where they are in the image.
    near, chosen = (np.asarray(found) for found in tree.query(points, k=[1, 2]))
    limits = near[:, 0] * (1 + _ROUNDING)
    tied = np.flatnonzero(near[:, 1] <= limits)
    balls = tree.query_ball_point(points[tied], limits[tied])
    alone = np.flatnonzero(near[:, 1] > limits)
    several = np.repeat(tied, [len(ball) for ball in balls])
    of_several = np.fromiter(chain.from_iterable(balls), np.int64, len(several))
    return np.r_[alone, several], np.r_[chosen[alone, 0], of_several].astype(np.int64)


def _surrounded(runs: Runs) -> NDArray[np.bool_]:
    """Return whether a voxel and the six that share a face with it belong to a mask, in the box around its runs."""
    start, stop = box_of(runs)
    mask = mask_of(runs, start - 1, stop + 1) > 0
    inner = mask.copy()
    for axis in range(3):
        for step in (1, -1):
            inner &= np.roll(mask, step, axis)
    return inner[1:-1, 1:-1, 1:-1]
