"""Summaries of surface distances: Hausdorff, HD95, ASSD, MASD, NSD.

All of them summarise the distances of the sampled elements of either surface from the nearest element of the other
one. Where only one of the surfaces could be sampled, only its distances count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Directed",
    "SurfaceDistances",
    "average_distance",
    "hausdorff",
    "mean_of_directed_averages",
    "pooled_percentile",
    "robust_hausdorff",
    "share_within",
]

_SLACK = 1e-9
"""Relative: distances and cumulative areas are sums of rounded products, and a tie must not hang on the last bit."""


@dataclass(frozen=True, slots=True)
class Directed:
    """The distances of the elements of one surface from the other surface.

    Args:
        mm: Distances, in any order; equal ones may be one entry.
        weight: Array of the same length: the area (mm²), length (mm) or number of elements at each distance.
    """

    mm: NDArray[np.float64]
    weight: NDArray[np.float64]

    def __post_init__(self) -> None:
        order = np.argsort(self.mm, kind="stable")
        object.__setattr__(self, "mm", self.mm[order])
        object.__setattr__(self, "weight", self.weight[order])

    @property
    def total(self) -> float:
        """Total weight of the sampled elements."""
        return float(self.weight.sum())

    @property
    def average(self) -> float:
        """The mean distance, by weight; NaN without an element."""
        return float(self.mm @ self.weight) / self.total if self.mm.size else math.nan

    @property
    def largest(self) -> float:
        """The largest distance; NaN without an element."""
        return float(self.mm[-1]) if self.mm.size else math.nan

    def percentile(self, share: float) -> float:
        """Return the first distance at which the cumulative weight reaches ``share`` of the total."""
        cumulative = np.cumsum(self.weight)
        return float(self.mm[np.searchsorted(cumulative, cumulative[-1] * share * (1 - _SLACK))])


@dataclass(frozen=True, slots=True)
class SurfaceDistances:
    """The distances of two surfaces, in both directions."""

    from_reference: Directed
    from_prediction: Directed

    @property
    def sampled(self) -> Sequence[Directed]:
        """The directions in which there is anything to measure."""
        return [side for side in (self.from_reference, self.from_prediction) if side.mm.size]


def hausdorff(distances: SurfaceDistances) -> float:
    """Return the largest distance of either surface from the other, in mm.

    Source: Huttenlocher, Klanderman and Rucklidge, IEEE TPAMI 1993;15:850-863.
    """
    return max(float(side.mm[-1]) for side in distances.sampled)


def robust_hausdorff(distances: SurfaceDistances, share: float = 0.95) -> float:
    """Return the larger of the two directed percentiles, in mm, each by weight and without interpolation."""
    return max(side.percentile(share) for side in distances.sampled)


def average_distance(distances: SurfaceDistances) -> float:
    """Return the mean distance, in mm, of both surfaces pooled (ASSD)."""
    sides = distances.sampled
    return sum(float(side.mm @ side.weight) for side in sides) / sum(side.total for side in sides)


def mean_of_directed_averages(distances: SurfaceDistances) -> float:
    """Return the mean of the two directed mean distances, in mm (MASD)."""
    sides = distances.sampled
    return sum(side.average for side in sides) / len(sides)


def share_within(distances: SurfaceDistances, tolerance_mm: float) -> float:
    """Return the share of both surfaces, pooled, that lies within a tolerance (<=) of the other one."""
    sides = distances.sampled
    within = sum(float(side.weight[side.mm <= tolerance_mm * (1 + _SLACK)].sum()) for side in sides)
    return within / sum(side.total for side in sides)


def pooled_percentile(distances: SurfaceDistances, share: float = 0.95) -> float:
    """Return a percentile, in mm, of both directions' distances in one list, interpolated linearly.

    Weights count elements here: a distance of weight 3 stands in the list three times.
    """
    pooled = Directed(
        np.concatenate([side.mm for side in distances.sampled]),
        np.concatenate([side.weight for side in distances.sampled]),
    )
    last = np.cumsum(pooled.weight)
    position = share * (float(last[-1]) - 1)
    below, above = (float(pooled.mm[np.searchsorted(last, rank, side="right")]) for rank in _neighbours(position))
    return below + (above - below) * (position % 1)


def _neighbours(position: float) -> tuple[float, float]:
    return float(np.floor(position)), float(np.ceil(position))
