"""Loops over runs: rows of voxels of a mask, joined to connected pieces, intersected, and the gaps between them.

A run is (z, y, start, stop): the voxels start to stop - 1 of row z, y. A mask of some hundred thousand voxels has a few
thousand runs, so that pieces are found, intersected and measured without another volume.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.compiled import compiled

__all__ = [
    "Runs",
    "box_of",
    "components",
    "connect",
    "difference",
    "first_of_rows",
    "intersect",
    "lengths",
    "list_runs",
    "mask_of",
    "nearest_mm2",
    "runs_at",
    "runs_of_voxels",
    "union",
    "within_dilations",
]

Runs = NDArray[np.int32]
"""n x (z, y, start, stop), in this order, in voxels of the image."""


@compiled
def list_runs(label_map: NDArray[Any]) -> tuple[Runs, NDArray[np.int64]]:
    """Return the runs of equal codes of a label map in order, and the code of each; background has none.

    Args:
        label_map: z,y,x integers.
    """
    depth, height, width = label_map.shape
    runs, codes = np.empty((256, 4), np.int32), np.empty(256, np.int64)
    n = 0
    changes = np.zeros((width + 8) // 8 * 8, np.uint8)
    words = changes.view(np.uint64)
    for z in range(depth):
        for y in range(height):
            row = label_map[z, y]
            # Loops without branches look at many voxels at a time: most rows are background, most voxels like the last.
            occupied = row[0]
            for x in range(width):
                occupied |= row[x]
            if occupied == 0:
                continue
            changes[0] = row[0] != 0
            for x in range(1, width):
                changes[x] = row[x] != row[x - 1]
            changes[width] = row[width - 1] != 0
            first = 0
            for word in range(words.size):
                if words[word] == 0:
                    continue
                for x in range(word * 8, word * 8 + 8):
                    if changes[x] == 0:
                        continue
                    if x > 0 and row[x - 1] != 0:
                        if n == len(runs):
                            runs, codes = np.append(runs, np.empty_like(runs), 0), np.append(codes, codes)
                        runs[n, 0], runs[n, 1], runs[n, 2], runs[n, 3] = z, y, first, x
                        codes[n] = row[x - 1]
                        n += 1
                    first = x
    return runs[:n].copy(), codes[:n].copy()


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
                _join(parents, i, other)
                other += 1
    return _numbered(parents)


@compiled
def components(count: int, ones: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the group of each member, from 0, in the order of the groups' first members: those joined by pairs.

    Args:
        count: Number of members.
        ones: One member of each pair.
        others: The other member of each pair.
    """
    parents = np.arange(count)
    for i in range(len(ones)):
        _join(parents, ones[i], others[i])
    return _numbered(parents)


@compiled
def _join(parents: NDArray[np.int64], one: int, other: int) -> None:
    """Join the groups of two members; the root of a group, which is its own parent, is its first member."""
    while parents[one] != one:
        parents[one] = parents[parents[one]]
        one = parents[one]
    while parents[other] != other:
        parents[other] = parents[parents[other]]
        other = parents[other]
    parents[max(one, other)] = min(one, other)


@compiled
def _numbered(parents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the group of each member, from 0, in the order of the groups' first members."""
    numbers = np.empty_like(parents)
    groups = 0
    for i in range(len(parents)):
        # Parents come before their children, so that they are numbered already.
        if parents[i] == i:
            numbers[i] = groups
            groups += 1
        else:
            numbers[i] = numbers[parents[i]]
    return numbers


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
def difference(runs: Runs, others: Runs) -> Runs:
    """Return the runs of the voxels that are in one mask and not in another.

    Args:
        runs: Runs of one mask, in order.
        others: Runs of the other mask, in order.
    """
    found = np.empty((len(runs) + len(others), 4), np.int32)
    j = n = 0
    for i in range(len(runs)):
        z, y, start, stop = runs[i]
        while j < len(others) and (
            others[j, 0] < z
            or (others[j, 0] == z and (others[j, 1] < y or (others[j, 1] == y and others[j, 3] <= start)))
        ):
            j += 1
        at = j
        while at < len(others) and others[at, 0] == z and others[at, 1] == y and others[at, 2] < stop:
            if start < others[at, 2]:
                found[n, 0], found[n, 1], found[n, 2], found[n, 3] = z, y, start, others[at, 2]
                n += 1
            start = max(start, others[at, 3])
            at += 1
        if start < stop:
            found[n, 0], found[n, 1], found[n, 2], found[n, 3] = z, y, start, stop
            n += 1
    return found[:n].copy()


def union(*masks: Runs) -> Runs:
    """Return the runs of the voxels that are in any of some masks, in order.

    Args:
        masks: Runs of each mask, in any order; they may overlap.
    """
    runs = masks[0] if len(masks) == 1 else np.concatenate([np.empty((0, 4), np.int32), *masks])
    starts = _places(runs[:, 0], runs[:, 1], runs[:, 2])
    order = np.argsort(starts, kind="stable")
    starts, rows = starts[order], runs[order]
    stops = np.maximum.accumulate(starts + lengths(rows))
    first = np.append(True, starts[1:] > stops[:-1])[: len(runs)]
    last = np.append(first[1:], True)[: len(runs)]
    found: Runs = rows[first]
    found[:, 3] = found[:, 2] + stops[last] - starts[first]
    return found


def runs_of_voxels(at: NDArray[np.integer]) -> Runs:
    """Return the runs of single voxels, (z, y, x) x voxels."""
    return union(np.stack([*at, at[2] + 1], axis=1).astype(np.int32))


def lengths(runs: Runs) -> NDArray[np.int64]:
    """Return the number of voxels of each run."""
    return (runs[:, 3] - runs[:, 2]).astype(np.int64)


def runs_at(runs: Runs, at: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the index of the run in which each voxel lies, -1 for none.

    Args:
        runs: In order.
        at: Voxels, (z, y, x) x voxels, also outside of the image.
    """
    found = np.searchsorted(_places(runs[:, 0], runs[:, 1], runs[:, 2]), _places(*at), side="right") - 1
    z, y, _, stop = np.append(runs, [[-1, -1, 0, 0]], axis=0)[found].T
    return np.where((z == at[0]) & (y == at[1]) & (at[2] < stop), found, -1)


def _places(z: NDArray[np.integer], y: NDArray[np.integer], x: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return numbers in the order of voxels: an axis has fewer than 2^16 voxels."""
    places: NDArray[np.int64] = (z.astype(np.int64) << 32) + (y.astype(np.int64) << 16) + x
    return places


def box_of(runs: Runs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the box of runs: the z,y,x index of its first voxel, and of the voxel after its last."""
    stop = np.append(runs[:, :2].max(axis=0) + 1, runs[:, 3].max())
    return runs[:, :3].min(axis=0).astype(np.int64), stop.astype(np.int64)


@compiled
def mask_of(runs: Runs, start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the mask of the voxels in a box: 1 in the runs, else 0.

    Args:
        runs: In order.
        start: z,y,x index of the first voxel of the box.
        stop: The same of the voxel after the last.
    """
    mask = np.zeros((stop[0] - start[0], stop[1] - start[1], stop[2] - start[2]), np.uint8)
    for i in range(np.searchsorted(runs[:, 0], start[0]), len(runs)):
        z, y = runs[i, 0] - start[0], runs[i, 1] - start[1]
        if z >= mask.shape[0]:
            break
        if 0 <= y < mask.shape[1]:
            mask[z, y, max(runs[i, 2] - start[2], 0) : max(runs[i, 3] - start[2], 0)] = 1
    return mask


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
