"""Resampling of an image to voxels of another size, and back to the image's grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctbench.volume import Volume
from reference_models.scans.interpolation import read_between
from reference_models.scans.orientation import Orientation

__all__ = ["ResampledGrid"]

Shape = tuple[int, int, int]
Spacing = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ResampledGrid:
    """Voxels of a given size over one image in the patient's order (z up, y to the back, x to the left), and back.

    The first voxels coincide, so a grid of the image's own spacing loses nothing.

    Args:
        orientation: Orientation of the image.
        native: Shape of the image, in the patient's order.
        native_mm: Spacing of the image, in the patient's order.
        spacing_mm: z,y,x sides of the voxels.
    """

    orientation: Orientation
    native: Shape
    native_mm: Spacing
    spacing_mm: Spacing

    @classmethod
    def of(cls, image: Volume, spacing_mm: float | Sequence[float | None]) -> ResampledGrid:
        """Return the grid of an image; its array is not read.

        Args:
            image: The image.
            spacing_mm: Side of cubic voxels; or z,y,x sides in the patient's order, None: the image's.
        """
        orientation = Orientation.of(image)
        native_mm = orientation.spacing_mm(image)
        asked = (spacing_mm,) * 3 if isinstance(spacing_mm, (int, float)) else spacing_mm
        z, y, x = (here if there is None else float(there) for here, there in zip(native_mm, asked, strict=True))
        shape = tuple(image.shape[axis] for axis in orientation.axes)
        return cls(orientation, shape, native_mm, (z, y, x))  # type: ignore[arg-type]  # three axes

    @property
    def shape(self) -> Shape:
        """Number of voxels along z, y and x."""
        z, y, x = (
            int((size - 1) * mm / side + 1e-6) + 1
            for size, mm, side in zip(self.native, self.native_mm, self.spacing_mm, strict=True)
        )
        return z, y, x

    def to_grid(self, array: NDArray[Any], *, smooth: bool = True) -> NDArray[Any]:
        """Return an array of the image on the grid: floats linearly, integers and bool by the nearest voxel.

        Args:
            array: z,y,x on the image's grid.
            smooth: Smooth floats first along axes with finer voxels than the grid's, so that noise is not aliased.
        """
        turned = self.orientation.apply(array)
        places = [np.arange(size) * self._ratio(axis) for axis, size in enumerate(self.shape)]
        if array.dtype.kind != "f":
            return _nearest(turned, places)
        sigma = [0.5 * np.sqrt(max(self._ratio(axis) ** 2 - 1, 0.0)) for axis in range(3)]
        if smooth and any(sigma):
            turned = ndimage.gaussian_filter(turned, sigma)
        return read_between(turned, places)

    def to_native(self, maps: NDArray[Any]) -> NDArray[Any]:
        """Return maps ...,z,y,x of the grid on the image's grid: floats linearly, integers and bool by the nearest."""
        places = [np.arange(size) / self._ratio(axis) for axis, size in enumerate(self.native)]
        read = read_between if maps.dtype.kind == "f" else _nearest
        return self.orientation.undo(read(maps, places))

    def _ratio(self, axis: int) -> float:
        """Return the grid's spacing in voxels of the image."""
        return self.spacing_mm[axis] / self.native_mm[axis]


def _nearest(maps: NDArray[Any], places: Sequence[NDArray[np.floating]]) -> NDArray[Any]:
    """Return ...,z,y,x at the voxels nearest to fractional indices along z, y and x."""
    last = [size - 1 for size in maps.shape[-3:]]
    indices = [np.minimum(np.rint(place).astype(np.intp), end) for place, end in zip(places, last, strict=True)]
    return maps[(..., *np.ix_(*indices))]
