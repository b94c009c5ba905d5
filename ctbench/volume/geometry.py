"""Volume (array with spacing, origin, direction) and Geometry, and the check that two grids are equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctbench.errors import DataError, GeometryError

__all__ = ["Geometry", "Volume", "check_same_grid"]

Triple = tuple[float, float, float]

TOLERANCE = 1e-3
"""Largest difference of spacings, origins (mm) or direction cosines of two equal grids."""

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, slots=True)
class Geometry:
    """Shape, spacing, origin and direction of a grid of voxels in world coordinates (LPS, mm), in the order z, y, x.

    ``origin_mm + direction @ (spacing_mm * index)`` is the world position, as (z, y, x), of the voxel with that index.
    """

    shape: tuple[int, int, int]
    spacing_mm: Triple
    origin_mm: Triple
    direction: tuple[Triple, Triple, Triple]

    def differences(self, other: Geometry, tolerance: float = TOLERANCE) -> tuple[str, ...]:
        """Return the fields that differ from ``other``: of ``shape``, ``spacing_mm``, ``origin_mm``, ``direction``."""
        differing = tuple(
            name
            for name in ("spacing_mm", "origin_mm", "direction")
            # Most grids are exactly equal, which is faster to compare.
            if (mine := getattr(self, name)) != (theirs := getattr(other, name))
            and not np.allclose(mine, theirs, rtol=0, atol=tolerance)
        )
        return differing if self.shape == other.shape else ("shape", *differing)

    def __str__(self) -> str:
        def listed(values: Any) -> str:
            return "(" + ", ".join(f"{value:.6g}" for value in np.ravel(values)) + ")"

        return (
            f"shape {self.shape}, spacing {listed(self.spacing_mm)} mm, origin {listed(self.origin_mm)} mm, "
            f"direction {listed(self.direction)} (all z, y, x)"
        )


@dataclass(frozen=True, eq=False)
class Volume:
    """An image or a label map with its geometry; everything is in the order z, y, x.

    Args:
        array: The voxels, z,y,x.
        spacing_mm: Distance of neighbouring voxels along z, y, x.
        origin_mm: World position (LPS, as z, y, x) of the centre of voxel 0, 0, 0. Default: zeros.
        direction: 3 x 3, columns are the world directions (as z, y, x) of the axes z, y, x: ITK's direction matrix
            with both of its axes reversed. Default: the identity.

    Raises:
        DataError: The array is not 3D, a spacing is not positive, or the direction is not orthonormal.
    """

    array: NDArray[Any]
    spacing_mm: Triple
    origin_mm: Triple = (0.0, 0.0, 0.0)
    direction: NDArray[np.float64] = None  # type: ignore[assignment]  # None: the identity; always an array afterwards

    def __post_init__(self) -> None:
        if self.array.ndim != 3:
            msg = f"expected a 3D array z,y,x, got {self.array.ndim}D of shape {self.array.shape}"
            raise DataError(msg)
        spacing, origin = _triple("spacing_mm", self.spacing_mm), _triple("origin_mm", self.origin_mm)
        if min(spacing) <= 0:
            msg = f"expected positive spacing_mm (z, y, x), got {spacing}"
            raise DataError(msg)
        direction = np.array(np.eye(3) if self.direction is None else self.direction, dtype=np.float64)
        if direction.shape != (3, 3) or not np.allclose(direction @ direction.T, np.eye(3), atol=1e-3):
            msg = f"expected an orthonormal 3 x 3 direction, got {direction.tolist()}"
            raise DataError(msg)
        direction.flags.writeable = False
        for name, value in (("spacing_mm", spacing), ("origin_mm", origin), ("direction", direction)):
            object.__setattr__(self, name, value)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along z, y, x."""
        return tuple(int(size) for size in self.array.shape)  # type: ignore[return-value]  # checked to be three

    @property
    def geometry(self) -> Geometry:
        """The geometry of the grid."""
        rows = tuple(tuple(row) for row in self.direction.tolist())
        return Geometry(self.shape, self.spacing_mm, self.origin_mm, rows)  # type: ignore[arg-type]  # 3 x 3 as checked

    @property
    def affine(self) -> NDArray[np.float64]:
        """NIfTI's 4 x 4 affine: from index (x, y, z) to world (RAS, mm)."""
        affine = np.eye(4)
        affine[:3, :3] = _LPS_TO_RAS @ self.direction[::-1, ::-1] @ np.diag(self.spacing_mm[::-1])
        affine[:3, 3] = _LPS_TO_RAS @ np.array(self.origin_mm[::-1])
        return affine

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    def with_array(self, array: ArrayLike) -> Volume:
        """Return a volume of another array on the same grid.

        Raises:
            GeometryError: The array has another shape.
        """
        array = np.asarray(array)
        if array.shape != self.array.shape:
            msg = f"expected an array of shape {self.shape} (z, y, x), got {array.shape}"
            raise GeometryError(msg)
        return Volume(array, self.spacing_mm, self.origin_mm, self.direction)


def check_same_grid(
    found: Geometry, expected: Geometry, *, found_name: str, expected_name: str, tolerance: float = TOLERANCE
) -> None:
    """Raise ``GeometryError``, with both geometries in the message, unless the two grids are equal.

    Args:
        found: The grid to check, e.g. that of a label map.
        expected: The expected grid, e.g. that of its image.
        found_name: Name of the first in the message, e.g. its path.
        expected_name: Name of the second in the message.
        tolerance: Largest difference of spacing and origin (mm) and of direction cosines.
    """
    differing = found.differences(expected, tolerance)
    if differing:
        what = ", ".join(name.removesuffix("_mm") for name in differing)
        msg = (
            f"{found_name} lies on another grid than {expected_name} (they differ in {what}): "
            f"expected {expected}; got {found}. Resample the label map onto the image"
        )
        raise GeometryError(msg)


def _triple(name: str, values: Any) -> Triple:
    triple = tuple(float(value) for value in values)
    if len(triple) != 3 or not np.all(np.isfinite(triple)):
        msg = f"expected three finite numbers for {name} (z, y, x), got {values}"
        raise DataError(msg)
    return triple
