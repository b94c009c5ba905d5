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
        orientation: of the image.
        native: rows and columns of the image, in the patient's order.
        size: rows and columns after resampling, before padding.
    """

    orientation: Orientation
    native: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def of(cls, image: Volume, *, pixel_mm: float | None = None, edge: int | None = None) -> Slices:
        """Plan the slices of an image.

        Args:
            image: its array is not read.
            pixel_mm: resample to square pixels of this size; None: keep the image's.
            edge: resample to so many rows and columns instead.
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
        """Bring an array of the image into slices: floats linearly, integers and bool by the nearest voxel.

        Args:
            array: z,y,x on the image's grid.
            fill: value of the padding.

        Returns:
            slice,row,column.
        """
        turned = self.orientation.apply(array)
        if self.size != self.native:
            turned = resized(turned, self.size)
        rows, columns = (-size % _MULTIPLE for size in self.size)
        return np.pad(turned, ((0, 0), (0, rows), (0, columns)), constant_values=fill)

    def restore(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring maps channel,slice,row,column onto the image's grid, linearly: channel,z,y,x."""
        cropped = maps[..., : self.size[0], : self.size[1]]
        if self.size != self.native:
            cropped = np.stack([resized(np.ascontiguousarray(one), self.native) for one in cropped])
        restored: NDArray[np.float32] = self.orientation.undo(cropped)
        return restored

    def restore_box(self, index: int, box: Sequence[float], shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Bring a box in one slice onto the image's grid.

        Args:
            index: of the slice.
            box: first row, first column, last row + 1, last column + 1, in pixels of the network.
            shape: of the image, z,y,x.

        Returns:
            first and last + 1 along the image's axes z, y, x: 2,3, cut at its border.
        """
        ends = np.reshape(box, (2, 2)) * np.array(self.native) / self.size
        within = np.clip(ends, 0, self.native)
        return self.orientation.undo_box(np.column_stack([(index, index + 1), within]), shape)


def resized(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resample slice,row,column in plane: floats linearly and without aliasing, integers and bool by the nearest."""
    resize = torch.nn.functional.interpolate
    tensor = torch.from_numpy(np.ascontiguousarray(array).astype(np.float32))[:, None]
    if array.dtype.kind == "f":
        return resize(tensor, size=size, mode="bilinear", antialias=True)[:, 0].numpy()
    nearest: NDArray[Any] = resize(tensor, size=size, mode="nearest-exact")[:, 0].numpy().astype(array.dtype)
    return nearest
