"""Loops over runs: rows of voxels of a mask, joined to connected pieces, intersected, and the gaps between them.

A run is (z, y, start, stop): the voxels start to stop - 1 of row z, y. A mask of some hundred thousand voxels has a few
thousand runs, so that pieces are found, intersected and measured without another volume.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.compiled import compiled

__all__ = [
    "Runs",
    "connect",
    "counted_voxels",
    "first_of_rows",
    "intersect",
    "list_runs",
    "nearest_mm2",
    "within_dilations",
]

Runs = NDArray[np.int32]
"""n x (z, y, start, stop), in this order, in voxels of the crop."""


@compiled
def list_runs(voxels: NDArray[np.uint8], spans: NDArray[np.int32], planes: int) -> Runs:
    """Return the runs of a mask in order.

    Args:
        voxels: z,y,x of bit planes.
        spans: z,y x (start, stop) of what is set in each row; stop is 0 where nothing is.
        planes: The bits to look for.
    """
    depth, height, width = voxels.shape
    bits = np.uint8(planes)
    runs = np.empty((256, 4), np.int32)
    n = 0
    changes = np.zeros((width + 8) // 8 * 8, np.uint8)
    words = changes.view(np.uint64)
    for z in range(depth):
        for y in range(height):
            start, stop = spans[z, y, 0], spans[z, y, 1]
            if stop == 0:
                continue
            # Where runs begin and end: a loop without branches looks at many voxels at a time.
            row, size = voxels[z, y, start:stop], stop - start
            changes[0] = row[0] & bits != 0
            for x in range(1, size):
                changes[x] = (row[x] & bits != 0) != (row[x - 1] & bits != 0)
            changes[size] = row[size - 1] & bits != 0
            changes[size + 1 : size // 8 * 8 + 8] = 0
            first = np.int64(-1)
            for word in range(size // 8 + 1):
                if words[word] == 0:
                    continue
                for x in range(word * 8, word * 8 + 8):
                    if changes[x] == 0:
                        continue
                    if first < 0:
                        first = start + x
                        continue
                    if n == len(runs):
                        more = np.empty((2 * n, 4), np.int32)
                        more[:n] = runs
                        runs = more
                    runs[n, 0], runs[n, 1], runs[n, 2], runs[n, 3] = z, y, first, start + x
                    n += 1
                    first = np.int64(-1)
    return runs[:n].copy()


@compiled
def connect(runs: Runs, corners: bool) -> NDArray[np.int64]:
    """Return the number of the connected piece of each run, from 0, in the order of the pieces' first runs.

    Args:
        runs: In order.
        corners: Whether voxels that share a corner only are connected (26 neighbours), or only those that share a face
            or an edge (18 neighbours).
    """
    n = len(runs)
    height = np.int64(2)
    for i in range(n):
        height = max(height, np.int64(runs[i, 1]) + 3)
    keys = np.empty(n, np.int64)
    for i in range(n):
        keys[i] = (np.int64(runs[i, 0]) + 1) * height + runs[i, 1] + 1
    parents = np.arange(n)
    rows = np.array([1, height - 1, height, height + 1])
    reach = np.array([1, 1 if corners else 0, 1, 1 if corners else 0])
    for before in range(4):
        at, more = 0, reach[before]
        for i in range(n):
            key = keys[i] - rows[before]
            while at < n and (keys[at] < key or (keys[at] == key and runs[at, 3] + more <= runs[i, 2])):
                at += 1
            other = at
            while other < n and keys[other] == key and runs[other, 2] < runs[i, 3] + more:
                a, b = i, other
                while parents[a] != a:
                    parents[a] = parents[parents[a]]
                    a = parents[a]
                while parents[b] != b:
                    parents[b] = parents[parents[b]]
                    b = parents[b]
                parents[max(a, b)] = min(a, b)
                other += 1
    numbers = np.empty(n, np.int64)
    pieces = 0
    for i in range(n):
        # The root of a piece is its first run, so that it is numbered before the others.
        root = i
        while parents[root] != root:
            root = parents[root]
        if root == i:
            numbers[i] = pieces
            pieces += 1
        else:
            numbers[i] = numbers[root]
    return numbers


@compiled
def counted_voxels(runs: Runs, uncounted: NDArray[np.uint8], planes: int) -> NDArray[np.int64]:
    """Return the number of counted voxels of each run.

    Args:
        runs: In voxels of ``uncounted``.
        uncounted: z,y,x of bit planes, or an empty array if all voxels count.
        planes: The bits to look for.
    """
    bits = np.uint8(planes)
    found = np.empty(len(runs), np.int64)
    for i in range(len(runs)):
        z, y, start, stop = runs[i]
        found[i] = stop - start
        if uncounted.size:
            for x in range(start, stop):
                if uncounted[z, y, x] & bits:
                    found[i] -= 1
    return found


@compiled
def intersect(runs: Runs, others: Runs) -> tuple[Runs, NDArray[np.int64], NDArray[np.int64]]:
    """Return the runs in which two masks overlap, and the indices of the two runs that each is a part of.

    Args:
        runs: Runs of one mask, in order.
        others: Runs of the other mask, in order.
    """
    most = len(runs) + len(others)
    found = np.empty((most, 4), np.int32)
    own, its = np.empty(most, np.int64), np.empty(most, np.int64)
    i = j = n = 0
    while i < len(runs) and j < len(others):
        z, y, start, stop = runs[i]
        other_z, other_y, other_start, other_stop = others[j]
        if z != other_z or y != other_y:
            if z < other_z or (z == other_z and y < other_y):
                i += 1
            else:
                j += 1
            continue
        first, last = max(start, other_start), min(stop, other_stop)
        if first < last:
            found[n, 0], found[n, 1], found[n, 2], found[n, 3] = z, y, first, last
            own[n], its[n] = i, j
            n += 1
        if stop <= other_stop:
            i += 1
        else:
            j += 1
    return found[:n].copy(), own[:n].copy(), its[:n].copy()


@compiled
def first_of_rows(runs: Runs, depth: int, height: int) -> NDArray[np.int64]:
    """Return the index of the first run of each row of a crop, and the number of runs.

    Args:
        runs: In order.
        depth: Number of slices of the crop.
        height: Number of rows of a slice.
    """
    first = np.zeros(depth * height + 1, np.int64)
    for i in range(len(runs)):
        first[np.int64(runs[i, 0]) * height + runs[i, 1] + 1] += 1
    return np.cumsum(first)


@compiled
def nearest_mm2(
    runs: Runs, others: Runs, first: NDArray[np.int64], height: int, spacing: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the squared distance in mm from each run to the nearest voxel of another mask; infinity if it is empty.

    Args:
        runs: Runs of one mask.
        others: Runs of the other mask, in order.
        first: Of the other mask, as ``first_of_rows`` returns it.
        height: Number of rows of a slice.
        spacing: Distance of neighbouring voxels along z, y, x in mm.
    """
    depth = (len(first) - 1) // height
    found = np.empty(len(runs), np.float64)
    for i in range(len(runs)):
        z, y, start, stop = runs[i]
        best = np.inf
        # Slices, then rows, outwards: the search ends where the slice or the row alone is further than the nearest.
        for dz in range(depth):
            slice_mm2 = (dz * spacing[0]) ** 2
            if slice_mm2 >= best:
                break
            for at_z in (z - dz, z + dz):
                if at_z < 0 or at_z >= depth or first[at_z * height] == first[(at_z + 1) * height]:
                    continue
                for dy in range(height):
                    row_mm2 = slice_mm2 + (dy * spacing[1]) ** 2
                    if row_mm2 >= best:
                        break
                    for at_y in (y - dy, y + dy):
                        if at_y < 0 or at_y >= height:
                            continue
                        row = at_z * height + at_y
                        for j in range(first[row], first[row + 1]):
                            gap = max(start - others[j, 3] + 1, others[j, 2] - stop + 1, 0) * spacing[2]
                            best = min(best, row_mm2 + gap * gap)
        found[i] = best
    return found


@compiled
def within_dilations(
    runs: Runs, others: Runs, first: NDArray[np.int64], height: int, dilations: int, both: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of a run and one of another mask that it reaches when dilated so often by its 18 neighbours.

    n dilations reach the voxels that are at most n away along each axis, and at most 2n along all axes together.

    Args:
        runs: Runs of one mask.
        others: Runs of the other mask, in order.
        first: Of the other mask, as ``first_of_rows`` returns it.
        height: Number of rows of a slice.
        dilations: How often.
        both: Whether the other mask is dilated as often, so that a face, an edge or a corner is shared at the end.
    """
    depth = (len(first) - 1) // height
    own, its = np.empty(256, np.int64), np.empty(256, np.int64)
    n = 0
    more, steps = (1, 2 * dilations) if both else (0, dilations)
    for i in range(len(runs)):
        z, y, start, stop = runs[i]
        for at_z in range(max(z - steps - more, 0), min(z + steps + more + 1, depth)):
            for at_y in range(max(y - steps - more, 0), min(y + steps + more + 1, height)):
                row = at_z * height + at_y
                for j in range(first[row], first[row + 1]):
                    dx = max(start - others[j, 3] + 1, others[j, 2] - stop + 1, 0)
                    dz, dy = max(abs(at_z - z) - more, 0), max(abs(at_y - y) - more, 0)
                    dx = max(dx - more, 0)
                    if dx > steps or dz + dy + dx > 2 * steps:
                        continue
                    if n == len(own):
                        own, its = np.append(own, np.empty_like(own)), np.append(its, np.empty_like(its))
                    own[n], its[n] = i, j
                    n += 1
    return own[:n].copy(), its[:n].copy()
