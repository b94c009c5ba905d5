"""How far the surfaces of a structure in a reference and in a prediction are from one another."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.metrics.distances import Directed, SurfaceDistances
from ctbench.metrics.elements import element_sizes
from ctbench.metrics.listing import dual_grid_elements, surface_voxels
from ctbench.metrics.nearest import distances_along_rows, nearest_by_columns, nearest_by_rows, weights_by_step
from ctbench.metrics.pair import Crop, Mask

__all__ = ["Surface", "SurfaceModel", "surface_distances"]

Surface = Literal["2d", "3d"]
"""``3d``: surfaces of the volume. ``2d``: contours within each axial slice, all slices pooled."""

SurfaceModel = Literal["dual_grid", "voxels"]
"""``dual_grid``: elements at the corners of voxels, each with its area, or its length of contour in 2D (see
``elements``). ``voxels``: those that share a face with one outside the mask, each of size 1."""

_ROWS = 4096
_ROW_EFFORT = 5
"""How many looks at a row cost as much as one voxel of the search by columns."""


class _Elements(NamedTuple):
    positions: NDArray[np.uint32]
    codes: NDArray[np.uint8]


def surface_distances(
    crop: Crop, spacing_mm: tuple[float, float, float], model: SurfaceModel, surface: Surface, without_target_mm: float
) -> SurfaceDistances:
    """Measure the distances of a structure's two surfaces in both directions.

    Surfaces are those of the whole masks, and outside the image is background. Elements that touch an uncounted voxel
    are not sampled, yet the other surface is measured to them: the structure goes on there, only nobody knows how
    far. For the same reason the prediction is measured to the border of what the reference holds or of what it may
    hold, whichever is nearer. On the dual grid an element touches the voxels that meet at its corner; a surface voxel
    touches itself and those that share a face with it.

    Args:
        crop: masks, none of them empty.
        spacing_mm: z,y,x.
        model: what a surface element is.
        surface: 3d or 2d.
        without_target_mm: with 2d, the distance of an element in a slice in which the other mask has none.
    """
    planar = surface == "2d"
    reference, prediction = (
        _elements(mask, crop.uncounted, model, planar) for mask in (crop.reference, crop.prediction)
    )
    targets = reference.positions
    if crop.outer is not crop.reference:
        targets = np.union1d(targets, _elements(crop.outer, crop.uncounted, model, planar).positions)
    measure = _Measure(crop.workspace, spacing_mm, model, planar, without_target_mm)
    return SurfaceDistances(measure(reference, prediction.positions), measure(prediction, targets))


def _elements(mask: Mask, uncounted: NDArray[np.uint8], model: SurfaceModel, planar: bool) -> _Elements:
    lister = dual_grid_elements if model == "dual_grid" else surface_voxels
    return _Elements(*lister(mask.voxels, mask.spans, uncounted, planar))


class _Measure(NamedTuple):
    along: NDArray[np.int16]
    spacing_mm: tuple[float, float, float]
    model: SurfaceModel
    planar: bool
    without_target_mm: float

    def __call__(self, elements: _Elements, targets: NDArray[np.uint32]) -> Directed:
        """Measure how far elements are from their nearest targets."""
        occupied = distances_along_rows(targets, self.along)
        rows, rows_mm2 = _rows_around(self.spacing_mm[0], self.spacing_mm[1], self.planar)
        enough = max(_ROW_EFFORT * self.along.size // max(elements.codes.size, 1), 16)
        steps, lost = nearest_by_rows(
            *elements, self.along, occupied, rows[:enough], rows_mm2[:enough], self.spacing_mm[2] ** 2
        )
        if lost:
            nearest_by_columns(*elements, self.along, occupied, np.array(self.spacing_mm), self.planar, steps)
        components, weights = weights_by_step(steps, elements.codes, self._sizes())
        mm = np.linalg.norm(components * self.spacing_mm, axis=1)
        return Directed(np.where(components[:, 0] < 0, self.without_target_mm, mm), weights)

    def _sizes(self) -> NDArray[np.float64]:
        if self.model == "voxels":
            return np.array([0.0, 1.0])
        # Within a slice both halves of a neighbour code are alike, and each is the code of the slice.
        return np.tile(element_sizes(self.spacing_mm[1:]), 16) if self.planar else element_sizes(self.spacing_mm)


@lru_cache(maxsize=16)
def _rows_around(spacing_z: float, spacing_y: float, planar: bool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """List all rows within some distance, nearest first: steps (dz, dy) and squared distances in mm²."""
    radius = _ROWS / 2 * spacing_y if planar else np.sqrt(_ROWS / np.pi * spacing_z * spacing_y)
    reach = [0 if planar else int(radius / spacing_z), int(radius / spacing_y)]
    steps = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), axis=-1).reshape(-1, 2)
    mm2 = steps[:, 0] ** 2 * spacing_z**2 + steps[:, 1] ** 2 * spacing_y**2
    order = np.argsort(mm2, kind="stable")
    order = order[mm2[order] <= radius**2]
    return steps[order], mm2[order]
