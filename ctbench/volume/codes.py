"""Label codes from the voxels of a file: floats that hold whole numbers become integers, without loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import LabelError
from ctbench.volume.nifti import is_nifti_name, read_nifti_header

__all__ = ["as_codes", "expect_no_negative"]

_SIGNED = (np.int8, np.int16, np.int32, np.int64)
_UNSIGNED = (np.uint8, np.uint16, np.uint32, np.uint64)
_ROUNDED = 0.01
"""Values that are off a whole number by less were whole before a tool rescaled them."""


def as_codes(array: NDArray[Any], path: Path) -> NDArray[np.integer[Any]]:
    """Return the voxels of a label map as integers.

    Args:
        array: z,y,x integers, or floats that are whole numbers, as NumPy-based tools store label maps.
        path: The file, for messages.

    Returns:
        Integers as they are; floats in the smallest integer type that holds them.

    Raises:
        LabelError: A value is not a whole number, or so large that its type cannot hold every whole number.
    """
    if array.dtype.kind in "iu":
        return array
    broken = array != np.rint(array)
    if broken.any():
        raise LabelError(_not_whole(array, broken, path))
    lowest, highest = float(array.min(initial=0)), float(array.max(initial=0))
    exact = 2.0 ** (np.finfo(array.dtype).nmant + 1)
    if max(-lowest, highest) >= exact:
        code = highest if highest >= exact else lowest
        msg = (
            f"label map {path} holds the code {code:.0f} as {array.dtype}, which holds whole numbers below {exact:.0f} "
            "exactly; save it as an integer type"
        )
        raise LabelError(msg)
    types = _SIGNED if lowest < 0 else _UNSIGNED
    return array.astype(next(one for one in types if np.iinfo(one).min <= lowest and highest <= np.iinfo(one).max))


def expect_no_negative(array: NDArray[np.integer[Any]], path: Path) -> None:
    """Raise ``LabelError`` if a label map holds a negative code, as some tools write for unlabelled voxels."""
    negative = array[array < 0] if array.dtype.kind == "i" else array[:0]
    if negative.size:
        msg = (
            f"label map {path} holds the negative code {int(negative.min())} ({negative.size} voxels below 0); "
            "expected 0 for background and positive codes. Replace it, e.g. by 0"
        )
        raise LabelError(msg)


def _not_whole(array: NDArray[Any], broken: NDArray[np.bool_], path: Path) -> str:
    # The farthest from a whole number shows best whether this is a probability or a rounding error.
    off = np.abs(array - np.rint(array))
    place = np.unravel_index(int(np.argmax(off)), array.shape)
    where = ", ".join(map(str, place))
    rounding = float(off[place]) < _ROUNDED
    what = (
        "round it, and save it as uint8 or int16 without a scale"
        if rounding
        else "expected label codes; take the arg-max or a threshold of probabilities first"
    )
    return (
        f"label map {path} holds {float(array[place]):.8g} at voxel ({where}) (z, y, x), {int(broken.sum())} voxels "
        f"in all are not whole numbers ({_storage(array, path)}); {what}"
    )


def _storage(array: NDArray[Any], path: Path) -> str:
    """Return how the values are stored: their type, or the scale in the header that makes them."""
    if is_nifti_name(path):
        slope, intercept = read_nifti_header(path).scale
        if slope not in {0.0, 1.0} or (slope and intercept):
            return f"its header scales the stored numbers by slope {slope:.3g} and intercept {intercept:.3g}"
    return f"stored as {array.dtype}"
