"""Surface elements of a mask on the dual grid, with their areas and centres.

Which of the eight voxels around a corner (four pixels, within a slice) belong to the mask is the corner's *neighbour
code*. Where some do and some do not, the surface passes through, and the corner is one surface element. Its area is
that of the marching-cubes patch between these voxels, so that the area of a slanted surface is not that of the
staircase of its voxels.

Source: Nikolov et al., Clinically applicable segmentation of head and neck anatomy, J Med Internet Res 2021;23:e26151
(surface elements on the dual grid); Lorensen and Cline, Marching cubes, SIGGRAPH 1987 (the patches).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["element_centres", "element_sizes", "neighbour_codes"]

_Corner = tuple[int, ...]


def neighbour_codes(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the neighbour code of every corner of a mask's voxels; outside the array is background.

    Args:
        mask: Array of 2 or 3 dimensions.

    Returns:
        An array that is larger by one along every axis: entry ``i`` lies between voxels ``i - 1`` and ``i``. Bit ``b``
        is set where neighbour ``b`` belongs to the mask; neighbours are counted in C order (the last axis fastest).
    """
    padded = np.pad(mask, 1).view(np.uint8)
    codes = np.zeros([size + 1 for size in mask.shape], np.uint8)
    for bit, corner in enumerate(_corners(mask.ndim)):
        window = tuple(slice(step, step + size) for step, size in zip(corner, codes.shape, strict=True))
        codes |= padded[window] << np.uint8(bit)
    return codes


@lru_cache(maxsize=64)
def element_sizes(spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the size of the surface element of every neighbour code.

    Args:
        spacing_mm: along each axis; three for areas (256 codes), two for lengths of contour (16 codes).

    Returns:
        Areas in mm² or lengths in mm, by code; 0 where no surface passes (no neighbour in the mask, or all of them).
    """
    sizes = np.array([_shared_sizes(patch, spacing_mm).sum() for patch in _patches(len(spacing_mm))])
    sizes.flags.writeable = False
    return sizes


@lru_cache(maxsize=64)
def element_centres(spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the centre of the surface element of every neighbour code: the mean position of the surface.

    Args:
        spacing_mm: along each axis, two or three.

    Returns:
        code x axis, in voxels from the centre of the first neighbour; the middle where no surface passes.
    """
    centres = np.full((2**2 ** len(spacing_mm), len(spacing_mm)), 0.5)
    for code, patch in enumerate(_patches(len(spacing_mm))):
        if len(patch.shares):
            weights = _shared_sizes(patch, spacing_mm)
            centres[code] = np.average(patch.pieces.mean(axis=1), axis=0, weights=weights)
    centres.flags.writeable = False
    return centres


class _Patch(NamedTuple):
    pieces: NDArray[np.float64]
    """n x corners x axes: triangles in a unit cell, or segments in two dimensions."""
    shares: NDArray[np.float64]
    """How much each of them counts: where there are several equal ways to cut a surface, each is one of several."""


def _shared_sizes(patch: _Patch, spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    return patch.shares * _sizes(patch.pieces * spacing_mm)


def _sizes(pieces: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the areas of triangles, or the lengths of segments."""
    edges = pieces[:, 1:] - pieces[:, :1]
    normals = np.cross(edges[:, 0], edges[:, 1]) / 2 if pieces.shape[2] == 3 else edges[:, 0]
    return np.asarray(np.linalg.norm(normals, axis=1))


@cache
def _patches(dimensions: int) -> tuple[_Patch, ...]:
    corners = _corners(dimensions)
    return tuple(
        _patch({corner for bit, corner in enumerate(corners) if code >> bit & 1}, set(corners))
        for code in range(2 ** len(corners))
    )


def _corners(dimensions: int) -> list[_Corner]:
    return list(itertools.product((0, 1), repeat=dimensions))


def _patch(inside: set[_Corner], corners: set[_Corner]) -> _Patch:
    """Return the patch around each connected part of the corners inside or outside, whichever are fewer; or of both."""
    fewest = min(len(inside), len(corners) - len(inside))
    sides = [side for side in (inside, corners - inside) if len(side) == fewest]
    ways = [(fans, len(sides) * len(fans)) for side in sides for fans in map(_largest_fans, map(_border, _parts(side)))]
    dimensions = len(next(iter(corners)))
    pieces = [fan for fans, _ in ways for fan in fans]
    shares = [np.full(len(fan), 1 / of) for fans, of in ways for fan in fans]
    return _Patch(np.concatenate([np.zeros((0, dimensions, dimensions)), *pieces]), np.concatenate([[], *shares]))


def _parts(corners: set[_Corner]) -> Iterator[set[_Corner]]:
    left = set(corners)
    while left:
        part = {left.pop()}
        front = list(part)
        while front:
            reached = left.intersection(_across(front.pop()))
            left -= reached
            part |= reached
            front += reached
        yield part


def _across(corner: _Corner) -> list[_Corner]:
    """Return the corners at the other ends of a corner's edges."""
    return [(*corner[:axis], 1 - corner[axis], *corner[axis + 1 :]) for axis in range(len(corner))]


def _border(part: set[_Corner]) -> NDArray[np.float64]:
    """Return the midpoints of the edges that leave a part, in the order of a walk around it."""
    middles = [np.add(a, b) / 2 for a in sorted(part) for b in _across(a) if b not in part]
    walk = [middles.pop()]
    while middles:
        # Two middles follow one another where they share a face of the cell; of a segment there is only one other end.
        shares = [np.any((middle == walk[-1]) & (middle % 1 == 0)) for middle in middles]
        walk.append(middles.pop(int(np.argmax(shares))))
    return np.array(walk)


def _largest_fans(walk: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Cut a closed walk into triangles from one of its points; in two dimensions the walk is a segment already.

    Where the walk does not lie in a plane the area depends on that point. The usual marching-cubes patches are those
    of the points that make the area largest.
    """
    if walk.shape[1] == 2:
        return [walk[None]]
    fans = []
    for start in range(len(walk)):
        turned = np.roll(walk, -start, axis=0)
        fans.append(np.stack([np.broadcast_to(turned[0], (len(walk) - 2, 3)), turned[1:-1], turned[2:]], axis=1))
    areas = np.array([_sizes(fan).sum() for fan in fans])
    return [fan for fan, area in zip(fans, areas, strict=True) if np.isclose(area, areas.max())]
