"""Probabilities as codes of 8 bits, in which runs keep them: code c is c / 255, so that 0 and 1 are exact."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError

__all__ = ["CODES", "decode", "encode", "in_range", "read_codes"]

CODES = 256
"""Number of stored codes of a probability; code c is the probability c / 255, so 0 and 1 are exact."""

_SLACK = 1e-3
"""Probabilities of networks leave 0 to 1 by this much at most, by rounding."""


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


def in_range(array: NDArray[np.generic], what: str) -> NDArray[np.float32]:
    """Return floats as float32 from 0 to 1, without the rounding errors of whoever computed them.

    Args:
        array: Floats, of any shape.
        what: What they are, for the message.

    Raises:
        DataError: They are not floats, or outside of 0 to 1.
    """
    values = np.asarray(array)
    if values.dtype.kind != "f":
        msg = f"{what} are {values.dtype}; expected floats from 0 to 1 (in files also uint8 codes)"
        raise DataError(msg)
    if values.size and not (values.min() >= -_SLACK and values.max() <= 1 + _SLACK):  # a NaN fails both
        msg = f"{what} are {values.min():g} to {values.max():g}; expected 0 to 1"
        raise DataError(msg)
    return np.clip(values, 0, 1).astype(np.float32)


def read_codes(array: NDArray[np.generic], what: str) -> NDArray[np.float32]:
    """Return what a file of probabilities holds, as float32 from 0 to 1: floats, or uint8 codes c for c / 255.

    Args:
        array: The voxels of the file.
        what: What they are, for the message.

    Raises:
        DataError: They are neither.
    """
    values = np.asarray(array)
    return decode(values).astype(np.float32) if values.dtype == np.uint8 else in_range(values, what)
