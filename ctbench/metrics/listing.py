"""Loops that list the surface elements of a mask.

A *position* is the flat index of an element in the shape of its mask; lists of positions are in ascending order. Masks,
their bit planes and their spans are those of ``voxels``. An element is listed where the surface of any plane passes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.compiled import compiled

__all__ = ["dual_grid_elements", "surface_voxels"]

Elements = tuple[NDArray[np.uint32], NDArray[np.uint64], NDArray[np.uint8], NDArray[np.uint8]]

# Masks and shifts of the transposition of eight bytes as a matrix of 8 x 8 bits.
# Source: Warren, Hacker's Delight, 2nd edition 2012, section 7-3.
_BY_1, _BY_2, _BY_4 = np.uint64(0x00AA00AA00AA00AA), np.uint64(0x0000CCCC0000CCCC), np.uint64(0x00000000F0F0F0F0)
_7, _14, _28 = np.uint64(7), np.uint64(14), np.uint64(28)


@compiled
def _transposed(code: np.uint64) -> np.uint64:
    """Return eight bytes as a matrix of 8 x 8 bits, transposed: byte k holds bit k of each byte."""
    swap = (code ^ code >> _7) & _BY_1
    code = code ^ swap ^ swap << _7
    swap = (code ^ code >> _14) & _BY_2
    code = code ^ swap ^ swap << _14
    swap = (code ^ code >> _28) & _BY_4
    return code ^ swap ^ swap << _28


@compiled
def _longer(
    positions: NDArray[np.uint32],
    codes: NDArray[np.uint64],
    surfaces: NDArray[np.uint8],
    sampled: NDArray[np.uint8],
    size: int | np.int64,
) -> Elements:
    """Return lists that hold the same, with room for twice as many elements and those of a row of some size."""
    more = positions.size + size
    return (
        np.concatenate((positions, np.empty(more, np.uint32))),
        np.concatenate((codes, np.empty(more, np.uint64))),
        np.concatenate((surfaces, np.empty(more, np.uint8))),
        np.concatenate((sampled, np.empty(more, np.uint8))),
    )


@compiled
def _mark(row: NDArray[np.uint8], start: np.int64, marked: NDArray[np.uint8], extent: NDArray[np.int32]) -> None:
    """Mark the elements of a row among the targets, and extend the extent (start, stop) of their row."""
    for x in range(row.size):
        marked[x] |= row[x]
    left, right = 0, row.size
    while left < right and row[left] == 0:
        left += 1
    while right > left and row[right - 1] == 0:
        right -= 1
    if left < right:
        extent[0] = min(extent[0], start + left)
        extent[1] = max(extent[1], start + right)


@compiled
def dual_grid_elements(
    mask: NDArray[np.uint8],
    spans: NDArray[np.int32],
    uncounted: NDArray[np.uint8],
    planar: bool,
    targets: NDArray[np.uint8],
    margins: tuple[int, int, int],
    extents: NDArray[np.int32],
    listed: bool,
) -> Elements:
    """List the corners of voxels through which a mask's surface passes.

    Args:
        mask: z,y,x.
        spans: Spans of the mask.
        uncounted: mask, or empty where every voxel counts.
        planar: within each slice, where the two slices that meet at a corner are one and the same.
        targets: Array of bit planes in which the elements are marked, or an empty array.
        margins: z,y,x index in ``targets`` of the mask's first voxel.
        extents: z,y x (start, stop) of the elements in each row, extended; left as they are without ``targets``.
        listed: False: the elements are only marked, and the lists are empty.

    Returns:
        Positions (of the voxel before the corner on every axis); neighbour codes (byte k is that of plane k); the
        planes whose surface passes; and those of them in which the element touches no uncounted voxel.
    """
    depth, height, width = mask.shape
    positions, codes = np.empty(4096, np.uint32), np.empty(4096, np.uint64)
    surfaces, sampled = np.empty(4096, np.uint8), np.empty(4096, np.uint8)
    n = 0
    some, every, left_out = np.zeros(width + 1, np.uint8), np.zeros(width + 1, np.uint8), np.zeros(width + 1, np.uint8)
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
                some[x] = a[x] | b[x] | c[x] | d[x]
            for x in range(size + 1):
                every[x] = a[x] & b[x] & c[x] & d[x]
            if uncounted.size:
                e, f = uncounted[z, y, start : stop + 1], uncounted[z, y + 1, start : stop + 1]
                g, h = uncounted[z + step, y, start : stop + 1], uncounted[z + step, y + 1, start : stop + 1]
                for x in range(size + 1):
                    left_out[x] = e[x] | f[x] | g[x] | h[x]
            for x in range(size):
                row[x] = (some[x] | some[x + 1]) & ~(every[x] & every[x + 1])
            if targets.size:
                marked = targets[z + margins[0], y + margins[1], start + margins[2] : stop + margins[2]]
                _mark(row[:size], start, marked, extents[z, y])
            if not listed:
                continue
            row[size : (size + 7) // 8 * 8] = 0
            if n + size > positions.size:
                positions, codes, surfaces, sampled = _longer(positions, codes, surfaces, sampled, size)
            first = (z * height + y) * width + start
            for word in range((size + 7) // 8):
                if words[word] == 0:
                    continue
                for x in range(word * 8, word * 8 + 8):
                    if row[x] == 0:
                        continue
                    low = a[x] | a[x + 1] << 8 | b[x] << 16 | b[x + 1] << 24
                    high = c[x] | c[x + 1] << 8 | d[x] << 16 | d[x + 1] << 24
                    positions[n] = first + x
                    codes[n] = _transposed(np.uint64(low) | np.uint64(high) << np.uint64(32))
                    surfaces[n] = row[x]
                    sampled[n] = row[x] & ~(left_out[x] | left_out[x + 1])
                    n += 1
    return positions[:n].copy(), codes[:n].copy(), surfaces[:n].copy(), sampled[:n].copy()


@compiled
def surface_voxels(
    mask: NDArray[np.uint8],
    spans: NDArray[np.int32],
    uncounted: NDArray[np.uint8],
    planar: bool,
    targets: NDArray[np.uint8],
    margins: tuple[int, int, int],
    extents: NDArray[np.int32],
    listed: bool,
) -> Elements:
    """List the voxels of a mask that share a face with a voxel outside it.

    Args:
        mask: z,y,x.
        spans: Spans of the mask.
        uncounted: mask, or empty where every voxel counts.
        planar: within each slice, where the faces towards other slices do not matter.
        targets: Array of bit planes in which the elements are marked, or an empty array.
        margins: z,y,x index in ``targets`` of the mask's first voxel.
        extents: z,y x (start, stop) of the elements in each row, extended; left as they are without ``targets``.
        listed: False: the elements are only marked, and the lists are empty.

    Returns:
        Positions; codes (byte k is 1 where the voxel is on the surface of plane k, else 0); the planes on whose
        surface it is; and those of them in which it neither is uncounted nor shares a face with a voxel that is.
    """
    depth, height, width = mask.shape
    positions, codes = np.empty(4096, np.uint32), np.empty(4096, np.uint64)
    surfaces, sampled = np.empty(4096, np.uint8), np.empty(4096, np.uint8)
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
                row[x] = a[x + 1] & ~(a[x] & a[x + 2] & up[x] & down[x] & before[x] & after[x])
            if targets.size:
                marked = targets[z + margins[0], y + margins[1], start + margins[2] : stop + margins[2]]
                _mark(row[:size], start, marked, extents[z, y])
            if not listed:
                continue
            row[size : (size + 7) // 8 * 8] = 0
            if n + size > positions.size:
                positions, codes, surfaces, sampled = _longer(positions, codes, surfaces, sampled, size)
            first = (z * height + y) * width + start
            for word in range((size + 7) // 8):
                if words[word] == 0:
                    continue
                for x in range(word * 8, word * 8 + 8):
                    if row[x] == 0:
                        continue
                    positions[n] = first + x
                    codes[n] = _transposed(np.uint64(row[x]))
                    surfaces[n] = sampled[n] = row[x]
                    if uncounted.size:
                        at = start + x
                        touched = uncounted[z, y, at - 1] | uncounted[z, y, at] | uncounted[z, y, at + 1]
                        touched |= uncounted[z, y - 1, at] | uncounted[z, y + 1, at]
                        touched |= uncounted[z - step, y, at] | uncounted[z + step, y, at]
                        sampled[n] = row[x] & ~touched
                    n += 1
    return positions[:n].copy(), codes[:n].copy(), surfaces[:n].copy(), sampled[:n].copy()
