"""Boxes around masks: the smallest one, grown by a margin and cut at the border of the array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["box_around"]


def box_around(mask: NDArray[np.bool_], margin: int | Sequence[int] = 0) -> tuple[slice, ...] | None:
    """Return the smallest box that holds a mask, grown by a margin within the array.

    Args:
        mask: Array of any number of dimensions.
        margin: Number of voxels to grow by on each side, one for all axes or one each. Default 0.

    Returns:
        A slice for each axis; None if the mask is empty.

    >>> mask = np.zeros((4, 9), bool)
    >>> mask[1, 5] = True
    >>> box_around(mask, (2, 1))
    (slice(0, 4, None), slice(4, 7, None))
    """
    box = []
    margins = [margin] * mask.ndim if isinstance(margin, int) else margin
    for axis, (size, grown) in enumerate(zip(mask.shape, margins, strict=True)):
        places = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        if not places.size:
            return None
        box.append(slice(max(int(places[0]) - grown, 0), min(int(places[-1]) + grown + 1, size)))
    return tuple(box)
