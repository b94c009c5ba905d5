"""Loops that list the surface elements of a mask.

A *position* is the flat index of an element in the shape of its mask; lists of positions are in ascending order. Masks
and their spans are those of ``voxels``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.metrics.compiled import compiled

__all__ = ["dual_grid_elements", "surface_voxels"]


@compiled
def dual_grid_elements(
    mask: NDArray[np.uint8], spans: NDArray[np.int32], uncounted: NDArray[np.uint8], planar: bool
) -> tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.bool_]]:
    """List the corners of voxels through which a mask's surface passes.

    Args:
        mask: z,y,x.
        spans: Spans of the mask.
        uncounted: mask, or empty where every voxel counts.
        planar: within each slice, where the two slices that meet at a corner are one and the same.

    Returns:
        Positions (of the voxel before the corner on every axis), neighbour codes, and which elements touch no uncounted
        voxel.
    """
    depth, height, width = mask.shape
    positions, codes, sampled = np.empty(4096, np.uint32), np.empty(4096, np.uint8), np.empty(4096, np.bool_)
    n = 0
    columns = np.zeros(width + 1, np.uint8)
    row = np.zeros((width + 7) // 8 * 8, np.uint8)
    words = row.view(np.uint64)
    step = 0 if planar else 1
    for z in range(depth - 1):
        for y in range(height - 1):
            stop = max(spans[z, y, 1], spans[z, y + 1, 1], spans[z + step, y, 1], spans[z + step, y + 1, 1])
            if stop == 0:
                continue
            start = min(spans[z, y, 0], spans[z, y + 1, 0], spans[z + step, y, 0], spans[z + step, y + 1, 0]) - 1
            size = stop - start
            a, b = mask[z, y, start : stop + 1], mask[z, y + 1, start : stop + 1]
            c, d = mask[z + step, y, start : stop + 1], mask[z + step, y + 1, start : stop + 1]
            for x in range(size + 1):
                columns[x] = a[x] | b[x] << 2 | c[x] << 4 | d[x] << 6
            for x in range(size):
                row[x] = columns[x] | columns[x + 1] << 1
            row[size : (size + 7) // 8 * 8] = 0
            if n + size > positions.size:
                positions = np.concatenate((positions, np.empty(positions.size + size, np.uint32)))
                codes = np.concatenate((codes, np.empty(codes.size + size, np.uint8)))
                sampled = np.concatenate((sampled, np.empty(sampled.size + size, np.bool_)))
            first = (z * height + y) * width + start
            for word in range((size + 7) // 8):
                if words[word] == 0 or words[word] == 0xFFFFFFFFFFFFFFFF:
                    continue
                for x in range(word * 8, word * 8 + 8):
                    if row[x] == 0 or row[x] == 255:
                        continue
                    positions[n] = first + x
                    codes[n] = row[x]
                    sampled[n] = True
                    if uncounted.size:
                        at = start + x
                        sampled[n] = not uncounted[z : z + step + 1, y : y + 2, at : at + 2].any()
                    n += 1
    return positions[:n].copy(), codes[:n].copy(), sampled[:n].copy()


@compiled
def surface_voxels(
    mask: NDArray[np.uint8], spans: NDArray[np.int32], uncounted: NDArray[np.uint8], planar: bool
) -> tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.bool_]]:
    """List the voxels of a mask that share a face with a voxel outside it.

    Args:
        mask: z,y,x.
        spans: Spans of the mask.
        uncounted: mask, or empty where every voxel counts.
        planar: within each slice, where the faces towards other slices do not matter.

    Returns:
        Positions, codes (always 1), and which voxels neither are uncounted nor share a face with one that is.
    """
    depth, height, width = mask.shape
    positions, codes, sampled = np.empty(4096, np.uint32), np.empty(4096, np.uint8), np.empty(4096, np.bool_)
    n = 0
    row = np.zeros((width + 7) // 8 * 8, np.uint8)
    words = row.view(np.uint64)
    step = 0 if planar else 1
    for z in range(1, depth - 1):
        for y in range(1, height - 1):
            start, stop = np.int64(spans[z, y, 0]), np.int64(spans[z, y, 1])
            if stop == 0:
                continue
            size = stop - start
            a, up, down = mask[z, y, start - 1 : stop + 1], mask[z, y - 1, start:stop], mask[z, y + 1, start:stop]
            before, after = mask[z - step, y, start:stop], mask[z + step, y, start:stop]
            for x in range(size):
                row[x] = a[x + 1] & (1 ^ (a[x] & a[x + 2] & up[x] & down[x] & before[x] & after[x]))
            row[size : (size + 7) // 8 * 8] = 0
            if n + size > positions.size:
                positions = np.concatenate((positions, np.empty(positions.size + size, np.uint32)))
                codes = np.concatenate((codes, np.empty(codes.size + size, np.uint8)))
                sampled = np.concatenate((sampled, np.empty(sampled.size + size, np.bool_)))
            first = (z * height + y) * width + start
            for word in range((size + 7) // 8):
                if words[word] == 0:
                    continue
                for x in range(word * 8, word * 8 + 8):
                    if row[x] == 0:
                        continue
                    positions[n] = first + x
                    codes[n] = 1
                    sampled[n] = True
                    if uncounted.size:
                        at = start + x
                        sampled[n] = not (
                            uncounted[z, y, at - 1 : at + 2].any()
                            or uncounted[z, y - 1, at]
                            or uncounted[z, y + 1, at]
                            or uncounted[z - step, y, at]
                            or uncounted[z + step, y, at]
                        )
                    n += 1
    return positions[:n].copy(), codes[:n].copy(), sampled[:n].copy()
