"""Signed distances to simple shapes, in mm: negative inside, positive outside.

They are approximate away from the surface, which is where a phantom needs them least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "Points", "above", "coverage", "ellipsoid", "step", "tube"]

Floats = NDArray[np.float64]
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Positions in mm in the frame of the head: ``x`` to its left, ``y`` to its back, ``z`` to its top; one shape."""

    x: Floats
    y: Floats
    z: Floats

    def take(self, chosen: NDArray[np.intp]) -> Points:
        """Return the points at flat indices, one-dimensional."""
        return Points(self.x.ravel()[chosen], self.y.ravel()[chosen], self.z.ravel()[chosen])

    def folded(self) -> Points:
        """Return the points with the right side of the head folded onto the left: x becomes its size."""
        return Points(np.abs(self.x), self.y, self.z)

    def within(self, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> NDArray[np.intp]:
        """Return the indices of the points in a box."""
        inside = (self.x > x[0]) & (self.x < x[1])
        inside &= (self.y > y[0]) & (self.y < y[1])
        inside &= (self.z > z[0]) & (self.z < z[1])
        return np.flatnonzero(inside)


def ellipsoid(points: Points, centre: Triple, semi_axes: Triple) -> Floats:
    """Distance to an ellipsoid along the axes; ``centre`` and ``semi_axes`` as (x, y, z) in mm."""
    along = [(axis - at) / size for axis, at, size in zip(_axes(points), centre, semi_axes, strict=True)]
    radius = np.sqrt(sum(part * part for part in along))
    slope = np.sqrt(sum((part / size) ** 2 for part, size in zip(along, semi_axes, strict=True)))
    return np.asarray((radius - 1.0) * radius / np.maximum(slope, 1e-9))


def tube(points: Points, path: Sequence[Triple], radii: Sequence[float], stretch: Triple = (1.0, 1.0, 1.0)) -> Floats:
    """Distance to a tube along a path of straight pieces, with a radius (mm) at every corner.

    Args:
        points: Positions of the points.
        path: Corners as (x, y, z) in mm, at least two.
        radii: Radius in mm at every corner.
        stretch: Factors by which the tube is wider than ``radii`` along x, y, z.
    """
    nearest = None
    for start, end, first, last in zip(path, path[1:], radii, radii[1:], strict=False):
        distance = _piece(points, start, end, first, last, stretch)
        nearest = distance if nearest is None else np.minimum(nearest, distance)
    assert nearest is not None
    return nearest


def _piece(points: Points, start: Triple, end: Triple, first: float, last: float, stretch: Triple) -> Floats:
    from_start = [(axis - at) / wide for axis, at, wide in zip(_axes(points), start, stretch, strict=True)]
    course = [(b - a) / wide for a, b, wide in zip(start, end, stretch, strict=True)]
    length = sum(part * part for part in course)
    along = np.clip(sum(f * c for f, c in zip(from_start, course, strict=True)) / length, 0.0, 1.0)
    squares = sum((f - along * c) ** 2 for f, c in zip(from_start, course, strict=True))
    return np.asarray(np.sqrt(squares) - (first + along * (last - first)))


def above(points: Points, height: Floats, slope: float = 0.0) -> Floats:
    """Distance to the space under a surface ``z = height``, whose typical slope makes it closer than it is in z."""
    return np.asarray((points.z - height) / np.sqrt(1.0 + slope * slope))


def coverage(distance: Floats, width: float) -> Floats:
    """Share of a blurred point, 0 to 1, that lies inside a surface at ``distance``; ``width`` is its blur in mm."""
    return np.clip(0.5 - distance / width, 0.0, 1.0)


def step(value: Floats, width: float) -> Floats:
    """Rise smoothly from 0 to 1 around ``value`` = 0, over about four times ``width``."""
    return np.asarray(0.5 + 0.5 * np.tanh(value / width))


def _axes(points: Points) -> tuple[Floats, Floats, Floats]:
    return points.x, points.y, points.z
