"""Checks of references, prediction and spacing, and their conversion to the types of the compiled loops."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError, GeometryError
from ctbench.metrics.comparison import Comparison, PlainReference
from ctbench.metrics.crop import LabelMap
from ctbench.reference import Reference

__all__ = ["as_comparison", "as_label_map", "as_spacing"]

_Scalar = TypeVar("_Scalar", bound=np.generic)

_LONGEST_AXIS = 32_000
_LARGEST_CODE = 2**63 - 1
_MOST_VOXELS = 2**31
"""Distances along an axis are kept in 16 bits, positions in 32."""


def as_comparison(references: Sequence[Reference | LabelMap], prediction: LabelMap, codes: Iterable[int]) -> Comparison:
    """Return a prediction and its references, all on one grid.

    Args:
        references: References, or z,y,x integers in which every voxel counts.
        prediction: z,y,x integers.
        codes: all codes that matter.

    Raises:
        DataError: an array is not 3D or not of integers.
        GeometryError: a reference and the prediction differ in shape.
    """
    plain = [_as_plain(reference) for reference in references]
    predicted = as_label_map(prediction, "prediction")
    for reference in plain:
        if predicted.shape != reference.labels.shape:
            msg = (
                f"prediction has shape {predicted.shape}, reference {reference.labels.shape} (z, y, x); "
                "expected the same"
            )
            raise GeometryError(msg)
    return Comparison(plain, predicted, sorted(codes))


def _as_plain(reference: Reference | LabelMap) -> PlainReference:
    if not isinstance(reference, Reference):
        return PlainReference(as_label_map(reference, "reference"))
    return PlainReference(
        as_label_map(reference.labels, "reference"),
        excluded=_read_only(reference.excluded) if reference.excluded.any() else None,
        annotated=None if reference.annotated.all() else reference.annotated,
        possible=reference.possible_at,
        groups=reference.groups,
    )


def as_label_map(array: LabelMap, name: str) -> LabelMap:
    """Check a label map, and return it in one of the few integer types, in C order, for which loops are compiled.

    Args:
        array: z,y,x integers of any type, byte order and memory layout, or bool.
        name: Name of the array in the message.

    Raises:
        DataError: Not an array, not 3D, not of integers, empty or too large, or a code from 2^63.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iub" or array.ndim != 3:
        got = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        msg = f"{name} must be a 3D array of integers z,y,x, got {got}"
        raise DataError(msg)
    if not array.size or max(array.shape) > _LONGEST_AXIS or array.size > _MOST_VOXELS:
        msg = f"{name} has shape {array.shape} (z, y, x); expected 1 to {_LONGEST_AXIS} voxels along every axis"
        raise DataError(msg)
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and int(array.max()) > _LARGEST_CODE:
        msg = f"{name} holds the code {int(array.max())}; expected codes below 2^63"
        raise DataError(msg)
    return _read_only(_plain(array))


def _read_only(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """Return a read-only array in C order: loops would be compiled a second time for writable arrays."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def _plain(array: NDArray[np.integer]) -> NDArray[np.integer]:
    match array.dtype.kind, array.dtype.itemsize:
        case ("b", _):
            return array.view(np.uint8)
        case ("i", 1):
            return array.astype(np.int16)
        case ("u", 4):
            return array.astype(np.int64)
        case ("u", 8):
            return array.astype(np.uint64, copy=False).view(np.int64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def as_spacing(spacing_mm: Sequence[float]) -> tuple[float, float, float]:
    """Check a spacing.

    Raises:
        DataError: not three positive, finite numbers.
    """
    spacing = tuple(float(step) for step in spacing_mm)
    if len(spacing) != 3 or not all(math.isfinite(step) and step > 0 for step in spacing):
        msg = f"expected three positive numbers for spacing_mm (z, y, x), got {tuple(spacing_mm)}"
        raise DataError(msg)
    return spacing
