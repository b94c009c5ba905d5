"""Cropping of the head and resampling to the grid of a 3D network, and the inverse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.volume import Volume
from reference_models.scans.orientation import Orientation
from reference_models.scans.slices import resized

__all__ = ["HeadGrid"]

Triple = tuple[int, int, int]

_NOT_AIR_HU = -300.0


@dataclass(frozen=True)
class HeadGrid:
    """The box around everything that is not air, resampled, and padded to the size of a patch.

    The amount of air depends on the field of view alone; cropping it keeps a network that normalises by the mean of a
    patch independent of it.

    Args:
        orientation: Orientation of the image.
        native: z,y,x shape of the image, in the patient's order.
        box: Bounding box of everything that is not air, in the same order.
        size: z,y,x shape of the box after resampling.
        patch: z,y,x smallest shape of the padded box.
    """

    orientation: Orientation
    native: Triple
    box: tuple[slice, slice, slice]
    size: Triple
    patch: Triple

    @classmethod
    def of(cls, image: Volume, patch: Triple, spacing_mm: tuple[float, float, float] | None = None) -> HeadGrid:
        """Return the grid of a CT.

        Args:
            image: CT in HU; an image of air alone is not cropped.
            patch: z,y,x size of a patch in voxels.
            spacing_mm: z,y,x voxel sides of the grid; None: the image's.
        """
        orientation = Orientation.of(image)
        solid = orientation.apply(image.array > _NOT_AIR_HU)
        box = _box(solid) if solid.any() else tuple(slice(0, size) for size in solid.shape)
        sides = [part.stop - part.start for part in box]
        if spacing_mm is not None:
            steps = zip(sides, orientation.spacing_mm(image), spacing_mm, strict=True)
            sides = [max(1, round(side * here / there)) for side, here, there in steps]
        return cls(orientation, solid.shape, box, tuple(sides), patch)  # type: ignore[arg-type]  # three axes

    def cut(self, array: NDArray[Any], fill: float) -> NDArray[Any]:
        """Return an array of the image on the grid: floats linearly, integers and bool by the nearest voxel.

        Args:
            array: z,y,x on the image's grid.
            fill: Value of the padding at the ends.
        """
        inside = _resized(self.orientation.apply(array)[self.box], self.size)
        missing = [(0, max(0, side - size)) for side, size in zip(self.patch, self.size, strict=True)]
        return np.pad(inside, missing, constant_values=fill)

    def restore(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a map of the grid on the image's grid, interpolated linearly; 0 outside the box."""
        z, y, x = self.size
        sides = tuple(part.stop - part.start for part in self.box)
        native = np.zeros(self.native, np.float32)
        native[self.box] = _resized(found[:z, :y, :x], sides)
        restored: NDArray[np.float32] = self.orientation.undo(native)
        return restored


def _box(solid: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    z, y, x = (np.flatnonzero(solid.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3))
    return tuple(slice(int(met[0]), int(met[-1]) + 1) for met in (z, y, x))  # type: ignore[return-value]  # three axes


def _resized(array: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
    if array.shape[1:] != size[1:]:
        array = resized(array, (size[1], size[2]))
    if array.shape[0] != size[0]:
        # One picture whose rows are the slices is resampled along them alone.
        array = resized(array.reshape(1, len(array), -1), (size[0], size[1] * size[2])).reshape(size)
    return array
