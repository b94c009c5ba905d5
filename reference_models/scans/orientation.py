"""Reorientation of arrays to the patient's axes: z up, y to the back, x to the left; and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.volume import Volume, nearest_axes

__all__ = ["Orientation"]

_SIDES = ("SI", "PA", "LR")
"""Ends of the patient's z, y and x: the one that the axis runs towards, and the opposite one."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """Axes of an array in the patient; an oblique axis is assigned to the nearest one.

    Args:
        axes: The array's axis that runs along z, y and x of the patient (LPS).
        flips: Whether each of z, y, x runs in the opposite direction.
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    @classmethod
    def of(cls, image: Volume) -> Orientation:
        """Return the orientation of an image, from its direction matrix."""
        axes = nearest_axes(image.direction)
        flips = tuple(bool(image.direction[world, axis] < 0) for world, axis in enumerate(axes))
        return cls(axes, flips)  # type: ignore[arg-type]  # three, one per axis

    @classmethod
    def named(cls, letters: str) -> Orientation:
        """Return the orientation of arrays whose axes run towards the named sides of the patient.

        Args:
            letters: One letter an axis, in the array's order, as in nibabel: R or L, A or P, S or I. ``SPL`` is the
                patient's order of this module, ``RAS`` that of most networks trained with MONAI.

        Raises:
            UsageError: The letters do not name the three axes.

        Example:
            >>> Orientation.named("RAS")
            Orientation(axes=(2, 1, 0), flips=(False, True, True))
        """
        places = [[letters.upper().find(side) for side in sides] for sides in _SIDES]
        if len(letters) != 3 or any((there < 0) == (opposite < 0) for there, opposite in places):
            msg = f"orientation {letters!r}; expected one of R and L, of A and P, of S and I each, e.g. SPL or RAS"
            raise UsageError(msg)
        axes = tuple(max(found) for found in places)
        return cls(axes, tuple(found[0] < 0 for found in places))  # type: ignore[arg-type]  # three, one per axis

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array in the patient's order; axes before the last three stay."""
        lead = array.ndim - 3
        turned = array.transpose([*range(lead), *(lead + axis for axis in self.axes)])
        return np.ascontiguousarray(np.flip(turned, tuple(lead + axis for axis in self._flipped())))

    def undo(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array in the image's order; axes before the last three stay."""
        lead = array.ndim - 3
        turned = np.flip(array, tuple(lead + axis for axis in self._flipped()))
        back = [lead + int(axis) for axis in np.argsort(self.axes)]
        return np.ascontiguousarray(turned.transpose([*range(lead), *back]))

    def undo_box(self, ends: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return a box in the image's order.

        Args:
            ends: First and last + 1 along the patient's z, y, x: 2,3.
            shape: Shape of the image.
        """
        box = np.zeros((2, 3))
        for turned, (axis, flip) in enumerate(zip(self.axes, self.flips, strict=True)):
            along = np.asarray(ends, np.float64)[:, turned]
            box[:, axis] = shape[axis] - along[::-1] if flip else along
        return box

    def spacing_mm(self, image: Volume) -> tuple[float, float, float]:
        """Return the spacing in the patient's order."""
        z, y, x = (image.spacing_mm[axis] for axis in self.axes)
        return z, y, x

    def _flipped(self) -> tuple[int, ...]:
        return tuple(axis for axis, flip in enumerate(self.flips) if flip)
