"""Place the voxels of one grid on another whose voxel centres coincide: cropped, flipped or with permuted axes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import GeometryError
from ctbench.volume import Geometry

__all__ = ["COINCIDE", "Placement", "index_matrix", "place"]

COINCIDE = 0.1
"""Largest distance of two voxel centres that count as one place, in voxels: positions in DICOM are rounded."""

Indices = tuple[int, int, int]


@dataclass(frozen=True)
class Placement:
    """How the voxels of a part lie on a whole grid.

    Args:
        shape: Shape of the whole grid, z,y,x.
        axes: For each axis of the whole grid, the axis of the part along it.
        signs: For each axis of the whole grid, 1, or -1 where the part runs backwards.
        start: For each axis of the whole grid, the lowest index of the part; negative if the part begins outside.
        size: For each axis of the whole grid, the number of voxels of the part.
    """

    shape: Indices
    axes: Indices
    signs: Indices
    start: Indices
    size: Indices

    @property
    def is_inside(self) -> bool:
        """Whether the whole grid contains all voxels of the part."""
        ends = zip(self.start, self.size, self.shape, strict=True)
        return all(at >= 0 and at + long <= full for at, long, full in ends)

    def put(self, mask: NDArray[np.bool_], name: str, onto: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """Return a mask on the whole grid, False outside the part.

        Args:
            mask: The mask on the part's grid.
            name: Name of the mask in the message.
            onto: Mask on the whole grid to which the part is added in place. Default None: a new, empty one.

        Raises:
            GeometryError: Voxels of the mask lie outside the whole grid.
        """
        turned = mask.transpose(self.axes)[self._flips]
        ends = zip(self.start, self.size, self.shape, strict=True)
        inside = [(max(0, at), max(0, at, min(full, at + long))) for at, long, full in ends]
        seen = turned[tuple(slice(low - at, high - at) for (low, high), at in zip(inside, self.start, strict=True))]
        outside = np.count_nonzero(mask) - np.count_nonzero(seen) if seen.size < mask.size else 0
        if outside:
            msg = f"{outside} voxels of {name} lie outside the image; check that it was drawn on this image"
            raise GeometryError(msg)
        placed = np.zeros(self.shape, dtype=bool) if onto is None else onto
        placed[tuple(slice(*both) for both in inside)] |= seen
        return placed

    def take(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a view of an array on the whole grid, restricted to the part and in the part's own order of axes."""
        window = array[tuple(slice(at, at + long) for at, long in zip(self.start, self.size, strict=True))]
        return window[self._flips].transpose(np.argsort(self.axes))

    @property
    def _flips(self) -> tuple[slice, ...]:
        return tuple(slice(None, None, sign) for sign in self.signs)


def index_matrix(geometry: Geometry) -> NDArray[np.float64]:
    """Return the 3 x 3 matrix from an index (z, y, x) to the offset in mm (z, y, x) from voxel 0, 0, 0."""
    return np.array(geometry.direction, dtype=np.float64) * np.array(geometry.spacing_mm, dtype=np.float64)


def place(part: Geometry, whole: Geometry, *, name: str, whole_name: str) -> Placement:
    """Find how a part lies on a grid; the centres of all its voxels must be centres of that grid, or lie beyond it.

    Where a file states several placements of a part or of a grid, the first two that fit count.

    Args:
        part: Geometry of the part, e.g. of a cropped segmentation.
        whole: Geometry of the grid, e.g. of the image.
        name: Name of the part in the message.
        whole_name: Name of the grid in the message.

    Raises:
        GeometryError: The centres do not coincide; the message contains both geometries.
    """
    for one, other in itertools.product(whole.placements, part.placements):
        found = _placement(other, one)
        if found is not None:
            return found
    msg = (
        f"{name} lies on another grid than {whole_name}: expected {whole}, or a part of it; got {part}. "
        f"Export it on the grid of the image, without resampling"
    )
    raise GeometryError(msg)


def _placement(part: Geometry, whole: Geometry) -> Placement | None:
    to_index = np.linalg.inv(index_matrix(whole))
    turn = to_index @ index_matrix(part)
    first = to_index @ (np.asarray(part.origin_mm) - np.asarray(whole.origin_mm))
    exact, corner = np.rint(turn), np.asarray(part.shape) - 1
    off = np.abs(turn - exact) @ corner + np.abs(first - np.rint(first))
    if not (np.array_equal(np.abs(exact) @ np.abs(exact).T, np.eye(3)) and off.max() <= COINCIDE):
        return None
    axes = np.abs(exact).argmax(axis=1)
    signs = exact[range(3), axes]
    start = np.rint(first) - np.where(signs < 0, corner[axes], 0)
    return Placement(
        whole.shape, _indices(axes), _indices(signs), _indices(start), _indices(np.asarray(part.shape)[axes])
    )


def _indices(values: NDArray[Any]) -> Indices:
    first, second, third = (int(value) for value in values)
    return first, second, third
