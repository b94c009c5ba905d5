"""Volume (array with spacing, origin, direction) and Geometry, and the check that two grids are equal."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctbench.errors import DataError, GeometryError
from ctbench.notices import warn_once

__all__ = ["Geometry", "Volume", "check_same_grid", "least_right_angle", "nearest_rotation"]

Triple = tuple[float, float, float]
Axes = tuple[int, int, int]

TOLERANCE = 1e-3
"""Largest difference of spacings, origins (mm) or direction cosines of two equal grids."""

ASSUMED = "assumed placement"
"""How the name of a placement begins that no header states: by convention of a program."""

_ROUNDING = 1e-6
"""Directions that are off a rotation by less are kept as they are; files store them in 32 bits."""
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, slots=True)
class Geometry:
    """Shape, spacing, origin and direction of a grid of voxels in world coordinates (LPS, mm), in the order z, y, x.

    ``origin_mm + direction @ (spacing_mm * index)`` is the world position, as (z, y, x), of the voxel with that index.

    ``name`` is that of the placement in a file that states several (``qform (code 1)``), and ``others`` are its other
    placements of the same voxels.

    ``stored_axes`` is as in ``Volume``; it does not matter for whether two grids are equal.
    """

    shape: tuple[int, int, int]
    spacing_mm: Triple
    origin_mm: Triple
    direction: tuple[Triple, Triple, Triple]
    stored_axes: Axes = (0, 1, 2)
    name: str = field(default="", compare=False)
    others: tuple[Geometry, ...] = field(default=(), compare=False)

    @property
    def placements(self) -> tuple[Geometry, ...]:
        """This geometry, and the others that a file states for the same voxels."""
        return (self, *self.others)

    @property
    def is_assumed(self) -> bool:
        """Whether the file states no placement, so that programs assume different ones."""
        return self.name.startswith(ASSUMED)

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    def volume_of(self, array: NDArray[Any]) -> Volume:
        """Return a volume of an array z,y,x of this shape on this grid."""
        return Volume(
            array,
            self.spacing_mm,
            self.origin_mm,
            np.array(self.direction),
            self.stored_axes,
            name=self.name,
            others=self.others,
        )

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
            with both of its axes reversed. Default: the identity. Of axes that are up to 1e-3 off orthonormal, the
            nearest rotation (or reflection) is kept.
        stored_axes: For each axis of the array, the axis of the file that it is (0: the file's slowest, ITK's last).
            ``read_volume`` moves the file's axes so that z, y, x are nearest to the patient's, and ``write_volume``
            moves them back. Default: the file has the order of the array.
        name: Name of this placement in a file that states several, e.g. ``qform (code 1)``.
        others: The other placements of the same voxels in such a file.

    Raises:
        DataError: The array is not 3D, a spacing is not positive, or the direction is not orthonormal.
    """

    array: NDArray[Any]
    spacing_mm: Triple
    origin_mm: Triple = (0.0, 0.0, 0.0)
    direction: NDArray[np.float64] = None  # type: ignore[assignment]  # None: the identity; always an array afterwards
    stored_axes: Axes = (0, 1, 2)
    name: str = ""
    others: tuple[Geometry, ...] = ()

    def __post_init__(self) -> None:
        if self.array.ndim != 3:
            msg = f"expected a 3D array z,y,x, got {self.array.ndim}D of shape {self.array.shape}"
            raise DataError(msg)
        spacing, origin = _triple("spacing_mm", self.spacing_mm), _triple("origin_mm", self.origin_mm)
        if min(spacing) <= 0:
            msg = f"expected positive spacing_mm (z, y, x), got {spacing}"
            raise DataError(msg)
        direction = nearest_rotation(np.eye(3) if self.direction is None else self.direction)
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
        return Geometry(
            self.shape,
            self.spacing_mm,
            self.origin_mm,
            rows,  # type: ignore[arg-type]  # 3 x 3 as checked
            self.stored_axes,
            self.name,
            self.others,
        )

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
        return self.geometry.voxel_ml

    def with_array(self, array: ArrayLike) -> Volume:
        """Return a volume of another array on the same grid.

        Raises:
            GeometryError: The array has another shape.
        """
        array = np.asarray(array)
        if array.shape != self.array.shape:
            msg = f"expected an array of shape {self.shape} (z, y, x), got {array.shape}"
            raise GeometryError(msg)
        return replace(self, array=array)


def check_same_grid(
    found: Geometry, expected: Geometry, *, found_name: str, expected_name: str, tolerance: float = TOLERANCE
) -> None:
    """Raise ``GeometryError``, with both geometries in the message, unless the two grids are equal.

    Files may state two placements of the same voxels. Where the grids are equal by another placement than the one that
    is read, the voxels correspond one to one, which is logged as a warning.

    Args:
        found: The grid to check, e.g. that of a label map.
        expected: The expected grid, e.g. that of its image.
        found_name: Name of the first in the message, e.g. its path.
        expected_name: Name of the second in the message.
        tolerance: Largest difference of spacing and origin (mm) and of direction cosines.
    """
    differing = found.differences(expected, tolerance)
    if not differing:
        return
    for mine in found.placements:
        for theirs in expected.placements:
            if not mine.differences(theirs, tolerance):
                warn_once(
                    f"{found_name} and {expected_name} lie on one grid by the {mine.name or 'position'} of the former "
                    f"and the {theirs.name or 'position'} of the latter, though not as they are read: their voxels are "
                    "compared one to one. Make qform and sform equal in both files"
                )
                return
    what = ", ".join(name.removesuffix("_mm") for name in differing)
    advice = "Resample the label map onto the image"
    unplaced = [name for name, grid in ((found_name, found), (expected_name, expected)) if grid.is_assumed]
    if unplaced and not {"shape", "spacing_mm"} & set(differing):
        advice = (
            f"{' and '.join(unplaced)} states no placement (qform_code and sform_code are 0), so where its voxels lie "
            "is not known. If the label map was drawn on this image, copy the geometry of the one that states it into "
            "the header of the other; do not resample"
        )
    msg = (
        f"{found_name} lies on another grid than {expected_name} (they differ in {what}): "
        f"expected {expected}; got {found}. {advice}"
    )
    raise GeometryError(msg)


def nearest_rotation(axes: ArrayLike, tolerance: float = TOLERANCE) -> NDArray[np.float64]:
    """Return the rotation (or reflection) nearest to three axes; axes that are orthonormal to 1e-6 stay as they are.

    Args:
        axes: 3 x 3, columns are the directions of the axes.
        tolerance: Largest deviation of lengths squared from 1, and of cosines between axes from 0.

    Raises:
        DataError: Not 3 x 3, or further off.
    """
    axes = np.array(axes, dtype=np.float64)
    off = np.abs(axes.T @ axes - np.eye(3)).max() if axes.shape == (3, 3) else np.inf
    # Some room above the tolerance: files round 1e-3 to 32 bits. NaN is refused too.
    if not off <= tolerance * 1.001:
        degrees = f", whose axes meet at {least_right_angle(axes):.1f} degrees" if np.isfinite(off) else ""
        msg = f"expected an orthonormal 3 x 3 direction, got {axes.tolist()}{degrees}"
        raise DataError(msg)
    if off <= _ROUNDING:
        return axes
    left, _, right = np.linalg.svd(axes)
    return np.asarray(left @ right)


def least_right_angle(axes: NDArray[np.float64]) -> float:
    """Return the smallest angle between two of the axes (columns) as lines, in degrees: 90 of a right-angled grid."""
    lengths = np.linalg.norm(axes, axis=0)
    cosines = np.abs(axes.T @ axes) / np.maximum(np.outer(lengths, lengths), 1e-300)
    return float(np.degrees(np.arccos(np.clip(np.max(cosines[np.triu_indices(3, 1)]), 0, 1))))


def _triple(name: str, values: Any) -> Triple:
    triple = tuple(float(value) for value in values)
    if len(triple) != 3 or not np.all(np.isfinite(triple)):
        msg = f"expected three finite numbers for {name} (z, y, x), got {values}"
        raise DataError(msg)
    return triple
