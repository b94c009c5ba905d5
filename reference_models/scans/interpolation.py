"""Linear interpolation between the voxels of a grid, one axis after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_between"]


def read_between(values: NDArray[np.floating], places: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
    """Read an array at the places of another grid with the same axes; outside its ends stand its last values.

    Args:
        values: ...,z,y,x.
        places: for each of z, y, x the indices to read at, fractions included.

    Returns:
        ...,z,y,x with as many entries as there are places, of the array's type.

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
