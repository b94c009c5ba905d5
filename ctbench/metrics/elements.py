"""The surface elements of a mask on the dual grid, and how large each one is.

Every corner at which eight voxels meet (four pixels, within a slice) sees which of them belong to the mask: its
*neighbour code*. Where some do and some do not, the surface passes through, and the corner stands for one surface
element. Its area is that of the marching-cubes patch between these voxels, so that a slanted surface is not counted
as the staircase that the voxels make of it.

Source: Nikolov et al., Clinically applicable segmentation of head and neck anatomy, J Med Internet Res 2021;23:e26151
(surface elements on the dual grid); Lorensen and Cline, Marching cubes, SIGGRAPH 1987 (the patches).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["element_sizes", "neighbour_codes"]

_Corner = tuple[int, ...]


def neighbour_codes(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Give the neighbour code of every corner of a mask's voxels; outside the array is background.

    Args:
        mask: of 2 or 3 dimensions.

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
    """Give the size of the surface element of every neighbour code.

    Args:
        spacing_mm: along each axis; three for areas (256 codes), two for lengths of contour (16 codes).

    Returns:
        Areas in mm² or lengths in mm, by code; 0 where no surface passes (no neighbour in the mask, or all of them).
    """
    spacing = np.asarray(spacing_mm, np.float64)
    scale = np.prod(spacing) / spacing
    sizes = np.array([np.linalg.norm(normals * scale, axis=1).sum() for normals in _normals(spacing.size)])
    sizes.flags.writeable = False
    return sizes


@cache
def _normals(dimensions: int) -> tuple[NDArray[np.float64], ...]:
    """Give the normals of each code's patches in a unit cell; their lengths are the patches' sizes."""
    corners = _corners(dimensions)
    return tuple(
        _patches({corner for bit, corner in enumerate(corners) if code >> bit & 1}, corners)
        for code in range(2 ** len(corners))
    )


def _corners(dimensions: int) -> list[_Corner]:
    return list(itertools.product((0, 1), repeat=dimensions))


def _patches(inside: set[_Corner], corners: list[_Corner]) -> NDArray[np.float64]:
    """Cut off each connected piece of the corners inside, or of those outside where these are fewer."""
    fewer = inside if len(inside) <= len(corners) // 2 else set(corners) - inside
    patches = [_largest_fan(_border(piece)) for piece in _pieces(fewer)]
    return np.concatenate([np.zeros((0, len(corners[0]))), *patches])


def _pieces(corners: set[_Corner]) -> Iterator[set[_Corner]]:
    left = set(corners)
    while left:
        piece = {left.pop()}
        front = list(piece)
        while front:
            reached = left.intersection(_across(front.pop()))
            left -= reached
            piece |= reached
            front += reached
        yield piece


def _across(corner: _Corner) -> list[_Corner]:
    """Give the corners at the other ends of a corner's edges."""
    return [(*corner[:axis], 1 - corner[axis], *corner[axis + 1 :]) for axis in range(len(corner))]


def _border(piece: set[_Corner]) -> NDArray[np.float64]:
    """Give the middles of the edges that leave a piece, in the order of a walk around it."""
    middles = [np.add(a, b) / 2 for a in sorted(piece) for b in _across(a) if b not in piece]
    walk = [middles.pop()]
    while middles:
        # Two middles follow one another where they share a face of the cell; of a segment there is only one other end.
        shares = [np.any((middle == walk[-1]) & (middle % 1 == 0)) for middle in middles]
        walk.append(middles.pop(int(np.argmax(shares))))
    return np.array(walk)


def _largest_fan(walk: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the normals of the triangles into which a closed walk is cut from one of its points.

    Where the walk does not lie in a plane the area depends on that point. The usual marching-cubes patches are those
    of the point that makes the area largest. In two dimensions the walk is one segment with one normal.
    """
    if walk.shape[1] == 2:
        (dy, dx), *_ = np.diff(walk, axis=0)
        return np.array([[dx, -dy]])
    fans = []
    for start in range(len(walk)):
        spokes = (np.roll(walk, -start, axis=0) - walk[start])[1:]
        fans.append(np.cross(spokes[:-1], spokes[1:]) / 2)
    # Rounded, so that fans of equal area do not compete in the last bit.
    return max(fans, key=lambda normals: np.linalg.norm(normals, axis=1).sum().round(9))
