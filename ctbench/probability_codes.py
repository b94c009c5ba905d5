"""Probabilities as codes of 8 bits, in which runs keep them: code c is c / 255, so that 0 and 1 are exact."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError

__all__ = ["CODES", "decode", "encode"]

CODES = 256
"""Number of stored codes of a probability; code c is the probability c / 255, so 0 and 1 are exact."""


def encode(probabilities: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return probabilities as codes 0 to 255; only 0 becomes 0 and only 1 becomes 255.

    Args:
        probabilities: Floats from 0 to 1, of any shape.

    Raises:
        DataError: A value is NaN or outside of 0 to 1.

    Example:
        >>> encode(np.array([0, 1e-6, 0.5, 1 - 1e-6, 1])).tolist()
        [0, 1, 128, 254, 255]
    """
    values = np.asarray(probabilities)
    if values.size and not (values.min() >= 0 and values.max() <= 1):  # a NaN fails both
        msg = f"expected probabilities from 0 to 1, got {values.min()} to {values.max()}"
        raise DataError(msg)
    codes = np.clip(np.rint(values * np.float32(CODES - 1)), 1, CODES - 2).astype(np.uint8)
    codes[values == 0] = 0
    codes[values == 1] = CODES - 1
    return codes


def decode(codes: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Return the probabilities of codes 0 to 255."""
    return np.asarray(codes, np.float64) / (CODES - 1)
