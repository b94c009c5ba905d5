"""Files of a DICOM series that cannot be slices of its stack: localizers, screen captures, and what has no place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ctbench.volume.dicom.series import Slice

__all__ = ["part_strays"]

_FEW = 2
"""Most slices of another orientation that are left out: a frontal and a lateral scout."""
_FEWEST_LEFT = 2


def part_strays(slices: Sequence[Slice]) -> tuple[tuple[Slice, ...], tuple[str, ...]]:
    """Return the slices that may form a stack, and a phrase for each of the others, with its file name.

    If too few would be left, all are kept, so that the checks of the stack say what is wrong.
    """
    why = [_own_reason(one) for one in slices]
    usual = _usual_orientation([one for one, reason in zip(slices, why, strict=True) if not reason])
    if usual is not None:
        turned = [not reason and not _alike(one, usual) for one, reason in zip(slices, why, strict=True)]
        if sum(turned) <= _FEW:
            why = [
                reason or ("has another orientation" if odd else "") for reason, odd in zip(why, turned, strict=True)
            ]
    kept = tuple(one for one, reason in zip(slices, why, strict=True) if not reason)
    if len(kept) < _FEWEST_LEFT:
        return tuple(slices), ()
    return kept, tuple(f"{one.path.name} {reason}" for one, reason in zip(slices, why, strict=True) if reason)


def _own_reason(one: Slice) -> str:
    if "LOCALIZER" in one.image_type:
        return "is a localizer"
    if one.components != 1:
        return "is a colour image"
    if one.position is None and one.orientation is None:
        return "has no position"
    return ""


def _usual_orientation(slices: Sequence[Slice]) -> Slice | None:
    """Return a slice of the orientation that more than half of the slices have; None if there is none."""
    counts = Counter(None if one.orientation is None else tuple(np.round(one.orientation, 2)) for one in slices)
    if not counts:
        return None
    orientation, count = counts.most_common(1)[0]
    if orientation is None or 2 * count <= len(slices) or count <= _FEW:
        return None
    return next(one for one in slices if one.orientation and tuple(np.round(one.orientation, 2)) == orientation)


def _alike(one: Slice, usual: Slice) -> bool:
    assert usual.orientation is not None
    return one.orientation is not None and bool(np.allclose(one.orientation, usual.orientation, rtol=0, atol=0.02))
