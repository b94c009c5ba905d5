"""Hounsfield units: check that an image is in HU, and windowing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError
from ctbench.volume import Volume

__all__ = ["CT_RANGE_HU", "check_hu", "windowed"]

CT_RANGE_HU = (-1024.0, 3071.0)
"""Range that a CT scanner stores; DeepBleed's pipeline clips to it."""


def check_hu(image: Volume) -> Volume:
    """Return the image if it can be in HU: some voxels must be below zero, as air is.

    Raises:
        DataError: No voxel is below zero, as in 8-bit pictures, raw detector values, heads with the air set to zero.
    """
    low, high = float(image.array.min()), float(image.array.max())
    if low >= 0:
        kind = "8-bit grey values" if high <= 255 else "values without their rescale intercept"
        msg = (
            f"the image ranges from {low:g} to {high:g}, as {kind} do; expected Hounsfield units with air "
            "at about -1000: export the CT with its rescale slope and intercept applied"
        )
        raise DataError(msg)
    return image


def windowed(hu: NDArray[np.floating], window_hu: tuple[float, float] | None) -> NDArray[np.float32]:
    """Return HU scaled from a window to 0..1 and clipped; with None, HU as float32."""
    if window_hu is None:
        return hu.astype(np.float32, copy=False)
    low, high = window_hu
    scaled: NDArray[np.float32] = ((np.clip(hu, low, high) - low) / (high - low)).astype(np.float32, copy=False)
    return scaled
