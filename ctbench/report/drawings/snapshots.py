"""Where readers differ: tinted voxels over the image, from blue to yellow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.agreement import Snapshot
from ctbench.report.drawings.overlays import grey
from ctbench.report.drawings.slices import WINDOWS, whole_range
from ctbench.report.drawings.view import View

__all__ = ["draw_snapshot"]

_DARK = (22, 27, 34)
_TINTS = np.array([[86, 180, 233], [240, 228, 66]])
_OPACITY = 0.55


def draw_snapshot(seen: Snapshot, *, largest: int = 320) -> tuple[NDArray[np.uint8], ...]:
    """Draw a part of a slice in radiological view: plain, and tinted.

    A CT is shown in the brain window, another image from its darkest to its brightest hundredth.

    Args:
        seen: The part of the slice.
        largest: Number of pixels of the longer side.

    Returns:
        Two pictures y,x,3 of square pixels; without an image only the tinted one, on a dark ground.
    """
    view = View.of(seen.shade)
    shape = view.pixels(largest)
    shade = view.nearest(seen.shade.array[0], shape)[..., None]
    tint = (1 - shade) * _TINTS[0] + shade * _TINTS[1]
    if seen.image is None:
        return (np.round(np.where(shade > 0, tint, _DARK)).astype(np.uint8),)
    window = WINDOWS["brain"] if seen.in_hu else whole_range(seen.image[None])
    plain = view.smooth(grey(seen.image, window), shape)
    tinted = np.where(shade > 0, (1 - _OPACITY) * plain + _OPACITY * tint, plain)
    return plain, np.round(tinted).astype(np.uint8)
