"""Radiological view of slices: anterior up, the patient's right side on the left, without the air around the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ctbench.volume import Volume, nearest_axes

__all__ = ["View"]

_AIR_HU = -500
_MARGIN = 2
_PLANES: tuple[Literal["axial", "coronal", "sagittal"], ...] = ("axial", "coronal", "sagittal")

Span = tuple[int, int]
"""The first index, and the last + 1."""


@dataclass(frozen=True)
class View:
    """The crop and orientation in which the slices of an array z,y,x are shown.

    Args:
        plane: ``axial``, ``coronal`` or ``sagittal``: the plane of the stored slices.
        rows: Range of the array's rows that are shown.
        columns: Range of the array's columns that are shown.
        transposed: Whether the array's columns are shown as rows.
        flipped: Whether the shown rows, and the shown columns, are stored in the opposite order.
        spacing_mm: Distance of neighbouring rows and columns of the array.
    """

    plane: Literal["axial", "coronal", "sagittal"]
    rows: Span
    columns: Span
    transposed: bool
    flipped: tuple[bool, bool]
    spacing_mm: tuple[float, float]

    @classmethod
    def of(cls, image: Volume, z: int | None = None) -> View:
        """Return the view of an image without the air around the head.

        Anterior is up and the patient's right side on the left; in coronal and sagittal slices superior is up.

        Args:
            image: Image in HU; if nothing or everything is denser than air (masks, MRI), all of it is shown.
            z: Crop to the head in this slice; None: to the head in any slice, so that all slices have the same crop.
        """
        tissue = image.array[slice(None) if z is None else slice(z, z + 1)] > _AIR_HU
        # The patient's axis (0 z, 1 y, 2 x) along which each axis of the array runs.
        along = np.argsort(nearest_axes(image.direction))
        # World coordinates grow to superior, posterior and left; superior alone is to be at the beginning.
        reverse = [bool((image.direction[along[axis], axis] > 0) == (along[axis] == 0)) for axis in (1, 2)]
        transposed = bool(along[2] < along[1])
        return cls(
            plane=_PLANES[along[0]],
            rows=_span(tissue.any(axis=(0, 2))),
            columns=_span(tissue.any(axis=(0, 1))),
            transposed=transposed,
            flipped=(reverse[1], reverse[0]) if transposed else (reverse[0], reverse[1]),
            spacing_mm=image.spacing_mm[1:],
        )

    @property
    def size_mm(self) -> tuple[float, float]:
        """Height and width of what is shown."""
        spans = (self.rows, self.columns)
        height, width = ((stop - start) * step for (start, stop), step in zip(spans, self.spacing_mm, strict=True))
        return (width, height) if self.transposed else (height, width)

    @property
    def aspect(self) -> float:
        """Width over height."""
        height, width = self.size_mm
        return width / height

    def pixels(self, largest: int) -> tuple[int, int]:
        """Return height and width of a picture of square pixels, by the number of pixels of its longer side."""
        height, width = (max(round(size * largest / max(self.size_mm)), 1) for size in self.size_mm)
        return height, width

    def voxels(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Return a slice (y,x and perhaps colours), cropped and oriented."""
        part = plane[slice(*self.rows), slice(*self.columns)]
        turned = part.swapaxes(0, 1) if self.transposed else part
        return turned[:: -1 if self.flipped[0] else 1, :: -1 if self.flipped[1] else 1]

    def nearest(self, plane: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
        """Return a slice resampled to a shape in pixels; each pixel has the value of the voxel that it is in."""
        shown = self.voxels(plane)
        picked = [
            ((np.arange(pixels) + 0.5) * voxels / pixels).astype(int)
            for pixels, voxels in zip(shape, shown.shape, strict=False)
        ]
        return shown[np.ix_(*picked)]

    def smooth(self, plane: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Return a slice y,x,3 resampled to a shape in pixels by cubic interpolation."""
        from PIL import Image

        shown = np.ascontiguousarray(self.voxels(plane))
        return np.asarray(Image.fromarray(shown).resize(shape[::-1], Image.Resampling.BICUBIC))

    def box(self, box: tuple[float, float, float, float], shape: tuple[int, int]) -> tuple[float, float, float, float]:
        """Return the position of a slice's box in a picture.

        Args:
            box: First row, first column, last row + 1 and last column + 1 in voxels, as in a ``Finding``.
            shape: Shape of the picture, in pixels.

        Returns:
            Top, left, bottom and right in pixels; they may be beyond the picture.
        """
        reach = [(box[0] - self.rows[0], box[2] - self.rows[0]), (box[1] - self.columns[0], box[3] - self.columns[0])]
        sizes = [self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]]
        if self.transposed:
            reach, sizes = reach[::-1], sizes[::-1]
        (top, bottom), (left, right) = (
            (pixels - stop * pixels / size, pixels - start * pixels / size)
            if flip
            else (start * pixels / size, stop * pixels / size)
            for (start, stop), size, pixels, flip in zip(reach, sizes, shape, self.flipped, strict=True)
        )
        return top, left, bottom, right


def _span(inside: Any) -> Span:
    found = np.flatnonzero(inside)
    if not len(found):
        return 0, len(inside)
    return max(int(found[0]) - _MARGIN, 0), min(int(found[-1]) + 1 + _MARGIN, len(inside))
