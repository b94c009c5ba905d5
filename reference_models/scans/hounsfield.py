"""Hounsfield units: that an image is in them, and the windows that some networks see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError
from ctbench.volume import Volume

__all__ = ["CT_RANGE_HU", "check_hu", "windowed"]

CT_RANGE_HU = (-1024.0, 3071.0)
"""What a CT scanner stores; DeepBleed's pipeline clamps to it."""


def check_hu(image: Volume) -> Volume:
    """Give an image back if it can be in HU: air is below zero, so some of its voxels are.

    Raises:
        DataError: no voxel is below zero: 8-bit pictures, raw detector values, heads with the air set to zero.
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
    """Bring a window of HU to 0..1, cut off at both ends; None leaves HU as they are."""
    if window_hu is None:
        return hu.astype(np.float32, copy=False)
    low, high = window_hu
    scaled: NDArray[np.float32] = ((np.clip(hu, low, high) - low) / (high - low)).astype(np.float32, copy=False)
    return scaled
