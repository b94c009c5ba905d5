"""Cubic voxels: patches need them, and scans with thick slices do not have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctbench.volume import Volume
from reference_models.scans.interpolation import read_between
from reference_models.scans.orientation import Orientation

__all__ = ["IsotropicGrid"]

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class IsotropicGrid:
    """Cubic voxels over one image in the patient's order (z up, y to the back, x to the left), and the way back.

    The first voxels coincide, so a grid of the image's own spacing loses nothing.

    Args:
        orientation: of the image.
        native: the image's shape and
        native_mm: its spacing, in the patient's order.
        spacing_mm: of the cubic voxels.
    """

    orientation: Orientation
    native: Shape
    native_mm: tuple[float, float, float]
    spacing_mm: float

    @classmethod
    def of(cls, image: Volume, spacing_mm: float) -> IsotropicGrid:
        """Plan the grid of an image; its array is not read."""
        orientation = Orientation.of(image)
        z, y, x = (image.shape[axis] for axis in orientation.axes)
        return cls(orientation, (z, y, x), orientation.spacing_mm(image), spacing_mm)

    @property
    def shape(self) -> Shape:
        """How many cubic voxels there are along z, y and x."""
        z, y, x = (
            int((size - 1) * mm / self.spacing_mm + 1e-6) + 1
            for size, mm in zip(self.native, self.native_mm, strict=True)
        )
        return z, y, x

    def to_grid(self, array: NDArray[Any]) -> NDArray[Any]:
        """Bring an array of the image onto the grid: floats linearly, integers and bool by the nearest voxel.

        Along axes with finer voxels than the grid's, floats are smoothed first, so that noise is not carried over.
        """
        turned = self.orientation.apply(array)
        places = [np.arange(size) * self._ratio(axis) for axis, size in enumerate(self.shape)]
        if array.dtype.kind != "f":
            nearest = [
                np.minimum(np.rint(place).astype(np.intp), size - 1)
                for place, size in zip(places, self.native, strict=True)
            ]
            return turned[np.ix_(*nearest)]
        sigma = [0.5 * np.sqrt(max(self._ratio(axis) ** 2 - 1, 0.0)) for axis in range(3)]
        if any(sigma):
            turned = ndimage.gaussian_filter(turned, sigma)
        return read_between(turned, places)

    def to_native(self, maps: NDArray[np.floating]) -> NDArray[np.floating]:
        """Bring maps ...,z,y,x of the grid onto the image's grid, linearly."""
        places = [np.arange(size) / self._ratio(axis) for axis, size in enumerate(self.native)]
        return self.orientation.undo(read_between(maps, places))

    def _ratio(self, axis: int) -> float:
        """Give the grid's spacing in voxels of the image."""
        return self.spacing_mm / self.native_mm[axis]
