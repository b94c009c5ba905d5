"""Linear interpolation between the voxels of a grid, one axis after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_between"]


def read_between(values: NDArray[np.floating], places: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
    """Return an array interpolated at the points of another grid with the same axes; beyond its ends, its last values.

    Args:
        values: ...,z,y,x.
        places: Fractional indices along z, y and x.

    Returns:
        ...,z,y,x with one entry per index, of the array's type.

    Example:
        >>> read_between(np.arange(3.0).reshape(1, 1, 3), [np.zeros(1), np.zeros(1), np.array([0.5, 9.0])])
        array([[[0.5, 2. ]]])
    """
    for axis, place in zip((-3, -2, -1), places, strict=True):
        last = values.shape[axis] - 1
        inside = np.clip(place, 0, last)
        low = np.minimum(inside.astype(np.intp), max(0, last - 1))
        share = (inside - low).astype(values.dtype).reshape(-1, *(1,) * (-axis - 1))
        below = values.take(low, axis)
        values = below + (values.take(np.minimum(low + 1, last), axis) - below) * share
    return values
