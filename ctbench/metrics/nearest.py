"""Loops that find the nearest target of every surface element, exactly.

Most elements have a target close by, which a walk over the voxels around them meets first (``nearest_in_ball``), for
all bit planes at once. If few do not, theirs are looked for in the rows around (``nearest_by_scan``). If many do not,
the distances along rows are computed (``distances_along_rows``), plane by plane, so that the search for an element's
target visits only the rows that are nearer than the target (``nearest_by_rows``).
For elements whose target is so far away that this is slow, whole slices are solved at once (``nearest_by_columns``).
Of several targets equally near, the ball, the scan and the rows choose the same. Positions and bit planes are those of
``listing``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.compiled import compiled

__all__ = [
    "count_planes",
    "distances_along_rows",
    "distances_in_plane",
    "marked_in_plane",
    "nearest_by_columns",
    "nearest_by_rows",
    "nearest_by_scan",
    "nearest_in_ball",
    "pack_steps",
    "weights_by_step",
]

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: products with it spread neighbouring integers over a hash table."""

_AXIS_BITS = 20
_AXIS_MASK = 2**_AXIS_BITS - 1
"""A step from an element to the nearest target is kept as one integer, 20 bits for the size of each component."""


def pack_steps(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return steps, n x (dz, dy, dx) of at least 0, as one integer each."""
    return steps @ (1 << np.array([2 * _AXIS_BITS, _AXIS_BITS, 0]))


@compiled
def nearest_in_ball(
    positions: NDArray[np.uint32],
    codes: NDArray[np.uint64],
    sampled: NDArray[np.uint8],
    shape: tuple[int, int, int],
    targets: NDArray[np.uint8],
    margins: tuple[int, int, int],
    ball: NDArray[np.int64],
    kinds: NDArray[np.int64],
    sizes: NDArray[np.float64],
    weights: NDArray[np.float64],
    first: NDArray[np.int64],
    planes: int,
) -> NDArray[np.uint8]:
    """Find the nearest targets of elements among the voxels around them, and sum up the sizes of the elements by step.

    Where references agree, an element has one target and one code in all planes, which are then added to together.

    Args:
        positions: Positions of the elements.
        codes: Their codes, a byte for each plane.
        sampled: The planes in which to find a target for them, all among ``planes``.
        shape: z,y,x of the mask that the positions are indices of.
        targets: Array of bit planes in which targets are marked; ``margins`` larger than the mask on all sides.
        margins: z,y,x, as far as the ball reaches.
        ball: n x (dz, dy, dx), nearest first.
        kinds: n numbers, the kind of each of these steps: mirrored steps are of one kind.
        sizes: Code -> size.
        weights: kinds x 8 planes, added to: the summed size of the elements whose target is that far.
        first: kinds x 8 planes, -1 or the first element that was added.
        planes: The planes that are wanted at all, as bits; ``weights`` and ``first`` of the others are meaningless.

    Returns:
        For each element the planes in which the ball holds no target.
    """
    _, height, width = shape
    _, rows, columns = targets.shape
    flat = targets.ravel()
    offsets = np.empty(len(ball), np.int64)
    for j in range(len(ball)):
        offsets[j] = (ball[j, 0] * rows + ball[j, 1]) * columns + ball[j, 2]
    every, ones, lowest = np.uint8(planes), np.uint64(0), np.uint64(0)
    for plane in range(7, -1, -1):
        if planes >> plane & 1:
            ones |= np.uint64(1) << np.uint64(8 * plane)
            lowest = np.uint64(8 * plane)
    complete = np.zeros(len(first), np.bool_)
    lost = np.zeros(positions.size, np.uint8)
    end = shift = np.int64(0)
    for i in range(positions.size):
        position = np.int64(positions[i])
        if position >= end:
            row = position // width
            end = (row + 1) * width
            z, y = row // height, row % height
            shift = ((z + margins[0]) * rows + y + margins[1]) * columns + margins[2] - row * width
        wanted = sampled[i]
        if wanted == 0:
            continue
        at = position + shift
        for j in range(offsets.size):
            hit = flat[np.uint64(at + offsets[j])] & wanted
            if hit == 0:
                continue
            wanted ^= hit
            kind = kinds[j]
            code = np.uint8(codes[i] >> lowest)
            if hit == every and codes[i] & (ones * np.uint64(255)) == ones * np.uint64(code):
                for plane in range(8):
                    weights[kind, plane] += sizes[code]
                if not complete[kind]:
                    complete[kind] = True
                    for plane in range(8):
                        if first[kind, plane] < 0:
                            first[kind, plane] = i
                break
            for plane in range(8):
                if hit >> plane & 1:
                    if first[kind, plane] < 0:
                        first[kind, plane] = i
                    weights[kind, plane] += sizes[np.uint8(codes[i] >> np.uint64(8 * plane))]
            if wanted == 0:
                break
        lost[i] = wanted
    return lost


@compiled
def nearest_by_scan(
    queries: NDArray[np.uint32],
    wanted: NDArray[np.uint8],
    shape: tuple[int, int, int],
    targets: NDArray[np.uint8],
    margins: tuple[int, int, int],
    extents: NDArray[np.int32],
    rows: NDArray[np.int64],
    rows_mm2: NDArray[np.float64],
    width_mm2: float,
    limits_mm2: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Find the nearest targets of a few elements by looking for marks in the rows around them, nearest row first.

    Args:
        queries: Positions.
        wanted: The planes in which to find a target for each of them.
        shape: z,y,x of the mask that the positions are indices of.
        targets: Array of bit planes in which targets are marked, ``margins`` larger than the mask on all sides.
        margins: z,y,x.
        extents: z,y x (start, stop) of the targets in each row.
        rows: n x (dz, dy), by ascending distance.
        rows_mm2: squares of these distances.
        width_mm2: square of the spacing along a row.
        limits_mm2: For each plane, the square of the distance within which a target is wanted; it is no longer
            than that of the last row.

    Returns:
        planes x queries, the step to the nearest target; -1 where none is wanted, or none is that near.
    """
    depth, height, width = shape
    planes = limits_mm2.size
    steps = np.full((planes, queries.size), -1, np.int64)
    best = np.empty(planes, np.float64)
    for i in range(queries.size):
        position = np.int64(queries[i])
        x, row = position % width, position // width
        z, y = row // height, row % height
        best[:] = np.inf
        worst = np.inf
        for k in range(rows_mm2.size):
            if rows_mm2[k] >= worst:
                break
            dz, dy = rows[k, 0], rows[k, 1]
            if z + dz < 0 or z + dz >= depth or y + dy < 0 or y + dy >= height:
                continue
            start, stop = np.int64(extents[z + dz, y + dy, 0]), np.int64(extents[z + dz, y + dy, 1])
            line = targets[z + dz + margins[0], y + dy + margins[1], margins[2] :]
            left = np.int64(wanted[i])
            dx = max(np.int64(0), start - x, x - stop + 1)
            while stop > start and left and (x + dx < stop or x - dx >= start):
                mm2 = rows_mm2[k] + width_mm2 * dx * dx
                if mm2 >= worst:
                    break
                hit = np.int64(0)
                if x + dx < stop:
                    hit |= np.int64(line[x + dx]) & left
                if x - dx >= start:
                    hit |= np.int64(line[x - dx]) & left
                if hit:
                    left &= ~hit
                    worst = 0.0
                    for plane in range(planes):
                        if hit >> plane & 1 and mm2 < best[plane]:
                            best[plane] = mm2
                            steps[plane, i] = (abs(dz) << 2 * _AXIS_BITS) | (abs(dy) << _AXIS_BITS) | dx
                        if wanted[i] >> plane & 1:
                            worst = max(worst, best[plane])
                dx += 1
        for plane in range(planes):
            if best[plane] >= limits_mm2[plane]:
                steps[plane, i] = -1
    return steps


@compiled
def marked_in_plane(
    targets: NDArray[np.uint8],
    margins: tuple[int, int, int],
    extents: NDArray[np.int32],
    start: tuple[int, int, int],
    shape: tuple[int, int, int],
    plane: int,
) -> NDArray[np.uint32]:
    """List the targets of one plane in a window of the mask, ascending.

    Args:
        targets: Array of bit planes in which targets are marked, ``margins`` larger than the mask on all sides.
        margins: z,y,x.
        extents: z,y x (start, stop) of the targets in each row of the mask.
        start: z,y,x of the window in the mask.
        shape: z,y,x of the window.
        plane: The plane.

    Returns:
        Flat indices in the window.
    """
    depth, height, width = shape
    bit = np.uint8(1 << plane)
    found = np.empty(0, np.uint32)
    for filling in (False, True):
        count = 0
        for z in range(depth):
            for y in range(height):
                first, stop = extents[start[0] + z, start[1] + y]
                line = targets[start[0] + z + margins[0], start[1] + y + margins[1], margins[2] :]
                for x in range(max(int(first), start[2]), min(int(stop), start[2] + width)):
                    if line[x] & bit:
                        if filling:
                            found[count] = (z * height + y) * width + x - start[2]
                        count += 1
        if not filling:
            found = np.empty(count, np.uint32)
    return found


@compiled
def distances_along_rows(targets: NDArray[np.uint32], along: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Measure, in voxels, how far the nearest target in the same row is.

    Args:
        targets: positions.
        along: z,y,x; overwritten in the rows that hold a target, and left as it is in the others.

    Returns:
        z,y: which rows hold a target.
    """
    depth, height, width = along.shape
    occupied = np.zeros((depth, height), np.bool_)
    flat = along.ravel()
    end = last = np.int64(0)  # the end of the row of the last target, and that target
    for i in range(targets.size):
        target = np.int64(targets[i])
        if target >= end:
            behind = flat[last:end]
            for x in range(behind.size):
                behind[x] = x
            row = target // width
            occupied[row // height, row % height] = True
            end = (row + 1) * width
            ahead = flat[end - width : target]
            for x in range(ahead.size):
                ahead[x] = ahead.size - x
        elif target > last + 1:
            middle = (last + target + 1) // 2
            nearer_to_last, nearer_to_target = flat[last:middle], flat[middle:target]
            for x in range(nearer_to_last.size):
                nearer_to_last[x] = x
            for x in range(nearer_to_target.size):
                nearer_to_target[x] = nearer_to_target.size - x
        else:
            flat[np.uint64(last)] = 0
        last = target
    behind = flat[last:end]
    for x in range(behind.size):
        behind[x] = x
    return occupied


@compiled
def nearest_by_rows(
    queries: NDArray[np.uint32],
    along: NDArray[np.int16],
    occupied: NDArray[np.bool_],
    rows: NDArray[np.int64],
    rows_mm2: NDArray[np.float64],
    width_mm2: float,
) -> tuple[NDArray[np.int64], int]:
    """Find the nearest target of every element by looking at the rows around it, nearest row first.

    Args:
        queries: positions.
        along: distances along rows to the targets.
        occupied: rows that hold a target.
        rows: n x (dz, dy), by ascending distance.
        rows_mm2: squares of these distances.
        width_mm2: square of the spacing along a row.

    Returns:
        The step to the nearest target of each query, and how many were not found: a step of -1 means that the nearest
        target is farther away than the last row.
    """
    depth, height, width = along.shape
    flat = along.ravel()
    steps = np.full(queries.size, -1, np.int64)
    lost = 0
    end = z = y = np.int64(0)
    for i in range(queries.size):
        position = np.int64(queries[i])
        if position >= end:
            row = position // width
            end = (row + 1) * width
            z, y = row // height, row % height
        best, nearest_row, nearest_dx = np.inf, 0, np.int64(0)
        found = False
        for k in range(rows_mm2.size):
            if rows_mm2[k] >= best:
                found = True
                break
            dz, dy = rows[k, 0], rows[k, 1]
            if z + dz < 0 or z + dz >= depth or y + dy < 0 or y + dy >= height:
                continue
            if not occupied[np.uint64(z + dz), np.uint64(y + dy)]:
                continue
            dx = np.int64(flat[np.uint64(position + (dz * height + dy) * width)])
            mm2 = rows_mm2[k] + width_mm2 * dx * dx
            if mm2 < best:
                best, nearest_row, nearest_dx = mm2, k, dx
        if found:
            dz, dy = rows[nearest_row, 0], rows[nearest_row, 1]
            steps[i] = (abs(dz) << 2 * _AXIS_BITS) | (abs(dy) << _AXIS_BITS) | nearest_dx
        else:
            lost += 1
    return steps, lost


@compiled
def nearest_by_columns(
    queries: NDArray[np.uint32],
    along: NDArray[np.int16],
    occupied: NDArray[np.bool_],
    spacing_mm: NDArray[np.float64],
    planar: bool,
    steps: NDArray[np.int64],
) -> None:
    """Find the nearest target of the elements that still have none, however far it is.

    The nearest target within a slice is found for all its voxels at once, from the distances along rows, as the lower
    envelope of parabolas in every column; then every query looks at the slices around it, nearest first.

    Source: Felzenszwalb and Huttenlocher, Theory of Computing 2012;8:415-428.

    Args:
        queries: positions.
        along: distances along rows to the targets.
        occupied: rows that hold a target.
        spacing_mm: z,y,x.
        planar: look at no other slice.
        steps: Steps of the queries; -1 is replaced by the step to the nearest target, unless there is no target.
    """
    depth, height, width = along.shape
    mm2_z, mm2_y, mm2_x = spacing_mm[0] ** 2, spacing_mm[1] ** 2, spacing_mm[2] ** 2
    # Only the columns in which a query stands are needed; few queries cost little.
    slots = np.full(width, -1, np.int64)
    n_slots = 0
    for i in range(queries.size):
        x = np.int64(queries[i]) % width
        if steps[i] < 0 and slots[x] < 0:
            slots[x] = n_slots
            n_slots += 1
    row_of = np.full((n_slots, depth, height), -1, np.int16)
    rows, until = np.empty(height, np.int64), np.empty(height, np.float64)
    for z in range(depth):
        for x in range(width):
            if slots[x] < 0:
                continue
            n = 0
            for y in range(height):
                if not occupied[z, y]:
                    continue
                apex = np.float64(along[z, y, x]) ** 2 * mm2_x + y * y * mm2_y
                while n:
                    other = rows[n - 1]
                    other_apex = np.float64(along[z, other, x]) ** 2 * mm2_x + other * other * mm2_y
                    until[n - 1] = (apex - other_apex) / (2 * mm2_y * (y - other))
                    if n == 1 or until[n - 1] > until[n - 2]:
                        break
                    n -= 1
                rows[n] = y
                n += 1
            k = 0
            for y in range(height if n else 0):
                while k < n - 1 and until[k] < y:
                    k += 1
                row_of[slots[x], z, y] = rows[k]
    for i in range(queries.size):
        if steps[i] >= 0:
            continue
        position = np.int64(queries[i])
        x, row = position % width, position // width
        z, y = row // height, row % height
        best = np.inf
        for away in range(1 if planar else depth):
            if away * away * mm2_z >= best:
                break
            for other in (z - away, z + away):
                if other < 0 or other >= depth:
                    continue
                nearest = np.int64(row_of[slots[x], other, y])
                if nearest < 0:
                    continue
                dy, dx = abs(nearest - y), np.int64(along[other, nearest, x])
                mm2 = away * away * mm2_z + dy * dy * mm2_y + dx * dx * mm2_x
                if mm2 < best:
                    best = mm2
                    steps[i] = (away << 2 * _AXIS_BITS) | (dy << _AXIS_BITS) | dx


@compiled
def count_planes(bits: NDArray[np.uint8], planes: int) -> NDArray[np.int64]:
    """Return the number of elements in each plane.

    Args:
        bits: The planes of each element.
        planes: Number of planes.
    """
    counts = np.zeros(planes, np.int64)
    for plane in range(planes):
        count = 0  # a sum of its own, so that many elements are looked at at a time
        for i in range(bits.size):
            count += bits[i] >> plane & 1
        counts[plane] = count
    return counts


@compiled
def distances_in_plane(
    plane: int,
    packed: NDArray[np.int64],
    weights: NDArray[np.float64],
    first: NDArray[np.int64],
    far: NDArray[np.int64],
    lost: NDArray[np.uint8],
    far_steps: NDArray[np.int64],
    codes: NDArray[np.uint64],
    sizes: NDArray[np.float64],
    spacing_mm: tuple[float, float, float],
    without_target_mm: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distances of all elements from their targets in one plane, and their summed size at each distance.

    Args:
        plane: The plane.
        packed: The step of each kind in the ball.
        weights: kinds x planes, as ``nearest_in_ball`` leaves them.
        first: kinds x planes, the same.
        far: The elements that have no target in the ball, ascending.
        lost: For each of them, the planes in which it has none.
        far_steps: planes x far, the step to the target; -1 where there is none.
        codes: The codes of all elements.
        sizes: Code -> size.
        spacing_mm: z,y,x.
        without_target_mm: The distance of an element without a target.

    Returns:
        Distances in mm, each of one step, and weights: two arrays of the same length, in no order.
    """
    near = np.flatnonzero(first[:, plane] >= 0)
    near = near[np.argsort(first[:, plane][near])]
    steps, of_steps = np.empty(near.size + far.size, np.int64), np.empty(near.size + far.size, np.float64)
    n = k = 0
    # In the order of the elements, so that sums do not depend on which of them were near.
    for i in range(far.size + 1):
        if i < far.size and not lost[i] >> plane & 1:
            continue
        while k < near.size and (i == far.size or first[near[k], plane] < far[i]):
            steps[n], of_steps[n] = packed[near[k]], weights[near[k], plane]
            k, n = k + 1, n + 1
        if i < far.size:
            code = np.uint8(codes[far[i]] >> np.uint64(8 * plane))
            steps[n], of_steps[n] = far_steps[plane, i], sizes[code]
            n += 1
    components, summed = weights_by_step(steps[:n], of_steps[:n])
    mm = np.empty(len(components), np.float64)
    for i in range(len(components)):
        z, y, x = (components[i, 0] * spacing_mm[0], components[i, 1] * spacing_mm[1], components[i, 2] * spacing_mm[2])
        mm[i] = np.sqrt(z * z + y * y + x * x) if components[i, 0] >= 0 else without_target_mm
    return mm, summed


@compiled
def weights_by_step(
    steps: NDArray[np.int64], sizes: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Sum up the sizes of the elements that are equally far from their targets.

    Distances on a grid are few, so that a table of them is far shorter than the list of elements.

    Args:
        steps: to the nearest target of each element.
        sizes: Size of each element, or of several elements with one step, of which the first stands here.

    Returns:
        n x (dz, dy, dx) in voxels, -1 where there is no target; and the summed size of each.
    """
    bits, n = 8, 0
    keys, weights = np.full(1 << bits, -2, np.int64), np.zeros(1 << bits)
    for i in range(steps.size):
        key = steps[i]
        slot = np.int64((np.uint64(key) * _SPREAD) >> np.uint64(64 - bits))
        while keys[slot] != key and keys[slot] != -2:
            slot = (slot + 1) & ((1 << bits) - 1)
        weights[slot] += sizes[i]
        if keys[slot] == key:
            continue
        keys[slot] = key
        n += 1
        if 2 * n > keys.size:
            bits += 2
            old_keys, old_weights = keys, weights
            keys, weights = np.full(1 << bits, -2, np.int64), np.zeros(1 << bits)
            for k in range(old_keys.size):
                if old_keys[k] != -2:
                    slot = np.int64((np.uint64(old_keys[k]) * _SPREAD) >> np.uint64(64 - bits))
                    while keys[slot] != -2:
                        slot = (slot + 1) & ((1 << bits) - 1)
                    keys[slot], weights[slot] = old_keys[k], old_weights[k]
    taken = np.flatnonzero(keys != -2)
    components = np.full((n, 3), -1, np.int64)
    for k in range(n):
        key = keys[taken[k]]
        if key >= 0:
            components[k, 0] = key >> 2 * _AXIS_BITS
            components[k, 1] = (key >> _AXIS_BITS) & _AXIS_MASK
            components[k, 2] = key & _AXIS_MASK
    return components, weights[taken]
