"""Axial slices as 2D networks see them, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ctbench.volume import Volume
from reference_models.scans.orientation import Orientation

__all__ = ["Slices", "resized"]

_MULTIPLE = 16
"""Four halvings need sides that are multiples of this."""


@dataclass(frozen=True)
class Slices:
    """The axial slices of one image on the grid of a network: resampled in plane, padded to multiples of 16.

    Args:
        orientation: Orientation of the image.
        native: Rows and columns of the image, in the patient's order.
        size: Rows and columns after resampling, before padding.
    """

    orientation: Orientation
    native: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def of(cls, image: Volume, *, pixel_mm: float | None = None, edge: int | None = None) -> Slices:
        """Return the slices of an image.

        Args:
            image: Image whose grid is used; its array is not read.
            pixel_mm: Resample to square pixels of this size; None: keep the image's.
            edge: Number of rows and columns to resample to instead.
        """
        orientation = Orientation.of(image)
        rows, columns = (image.shape[axis] for axis in orientation.axes[1:])
        if edge is not None:
            return cls(orientation, (rows, columns), (edge, edge))
        if pixel_mm is None:
            return cls(orientation, (rows, columns), (rows, columns))
        _, y_mm, x_mm = orientation.spacing_mm(image)
        size = (max(1, round(rows * y_mm / pixel_mm)), max(1, round(columns * x_mm / pixel_mm)))
        return cls(orientation, (rows, columns), size)

    def cut(self, array: NDArray[Any], fill: float) -> NDArray[Any]:
        """Return an array of the image as slices: floats linearly, integers and bool by the nearest voxel.

        Args:
            array: z,y,x on the image's grid.
            fill: Value of the padding.

        Returns:
            Array slice,row,column.
        """
        turned = self.orientation.apply(array)
        if self.size != self.native:
            turned = resized(turned, self.size)
        rows, columns = (-size % _MULTIPLE for size in self.size)
        return np.pad(turned, ((0, 0), (0, rows), (0, columns)), constant_values=fill)

    def restore(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return maps channel,slice,row,column on the image's grid, interpolated linearly: channel,z,y,x."""
        cropped = maps[..., : self.size[0], : self.size[1]]
        if self.size != self.native:
            cropped = np.stack([resized(np.ascontiguousarray(one), self.native) for one in cropped])
        restored: NDArray[np.float32] = self.orientation.undo(cropped)
        return restored

    def restore_box(self, index: int, box: Sequence[float], shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return a box of one slice on the image's grid.

        Args:
            index: Number of the slice.
            box: First row, first column, last row + 1, last column + 1, in pixels of the network.
            shape: z,y,x shape of the image.

        Returns:
            First and last + 1 along the image's axes z, y, x: 2,3, clipped to the image.
        """
        ends = np.reshape(box, (2, 2)) * np.array(self.native) / self.size
        within = np.clip(ends, 0, self.native)
        return self.orientation.undo_box(np.column_stack([(index, index + 1), within]), shape)


def resized(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return slice,row,column resampled in plane: floats linearly, without aliasing, others by the nearest."""
    resize = torch.nn.functional.interpolate
    tensor = torch.from_numpy(np.ascontiguousarray(array).astype(np.float32))[:, None]
    if array.dtype.kind == "f":
        return resize(tensor, size=size, mode="bilinear", antialias=True)[:, 0].numpy()
    nearest: NDArray[Any] = resize(tensor, size=size, mode="nearest-exact")[:, 0].numpy().astype(array.dtype)
    return nearest
