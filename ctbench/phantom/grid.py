"""The grid of a scan, and the finer one on which a head is drawn before its slices are averaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ctbench.phantom.shapes import Floats

__all__ = ["FIELD_OF_VIEW_MM", "Grid"]

FIELD_OF_VIEW_MM = (150.0, 230.4, 230.4)
"""Height, depth and width (z, y, x) that a scan covers: from the foramen magnum to over the vertex."""

_SUBSLICE_MM = 2.1
_POINTS_AT_ONCE = 1_500_000


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid around the scanner's centre, whose slices are cut into thinner subslices.

    Args:
        shape: voxels along z, y, x.
        spacing_mm: along z, y, x.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]

    @property
    def origin_mm(self) -> tuple[float, float, float]:
        """Position of the first voxel: the grid's middle is the origin of the world."""
        z, y, x = (-(size - 1) / 2.0 * step for size, step in zip(self.shape, self.spacing_mm, strict=True))
        return z, y, x

    @property
    def subslices(self) -> int:
        """Into how many subslices every slice is cut, so that partial volume arises as in a scanner."""
        return max(1, round(self.spacing_mm[0] / _SUBSLICE_MM))

    @property
    def subshape(self) -> tuple[int, int, int]:
        """Shape of the grid of subslices."""
        return (self.shape[0] * self.subslices, *self.shape[1:])

    def axes(self) -> tuple[Floats, Floats, Floats]:
        """Positions in mm of subslices, rows and columns."""
        thin = self.spacing_mm[0] / self.subslices
        steps = (thin, *self.spacing_mm[1:])
        z, y, x = (np.linspace(-0.5, 0.5, n) * ((n - 1) * d) for n, d in zip(self.subshape, steps, strict=True))
        return z, y, x

    def slabs(self) -> Iterator[slice]:
        """Cut the subslices into runs that fit into memory."""
        depth = max(1, _POINTS_AT_ONCE // (self.shape[1] * self.shape[2]))
        for start in range(0, self.subshape[0], depth):
            yield slice(start, min(start + depth, self.subshape[0]))
