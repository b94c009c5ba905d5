"""Canvas: HU and labels of points, painted structure by structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctbench.phantom.shapes import Floats, coverage

__all__ = ["Canvas"]


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """HU and labels of points; later paint hides earlier paint.

    Args:
        hu: Value of every point, HU.
        labels: Label code of every point.
        blur_mm: width over which paint fades at its edge, about the size of a pixel.
    """

    hu: Floats
    labels: NDArray[np.uint8]
    blur_mm: float

    def paint(
        self, distance: Floats, hu: Floats | float, at: NDArray[np.intp] | None = None, label: int | None = None
    ) -> None:
        """Paint what lies inside a surface.

        Args:
            distance: signed distance in mm to the surface, for all points or those ``at``.
            hu: the paint.
            at: indices of the points; None: all.
            label: None keeps the labels.
        """
        where: NDArray[np.intp] | slice = slice(None) if at is None else at
        old = self.hu[where]
        self.hu[where] = old + coverage(distance, self.blur_mm) * (hu - old)
        if label is not None:
            inside = distance < 0
            self.labels[np.flatnonzero(inside) if at is None else at[inside]] = label
