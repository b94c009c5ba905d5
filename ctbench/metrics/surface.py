"""Surface distances between a structure in a reference and in a prediction, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ctbench.metrics.distances import Directed, SurfaceDistances
from ctbench.metrics.elements import element_centres, element_sizes
from ctbench.metrics.listing import dual_grid_elements, surface_voxels
from ctbench.metrics.nearest import distances_along_rows, nearest_by_columns, nearest_by_rows, weights_by_step
from ctbench.metrics.pair import Crop, Mask

__all__ = ["Surface", "SurfaceModel", "surface_distances"]

Surface = Literal["2d", "3d"]
"""``3d``: surfaces of the volume. ``2d``: contours within each axial slice, all slices pooled."""

SurfaceModel = Literal["dual_grid", "mesh", "voxels"]
"""What a surface element is. ``dual_grid``: a corner of voxels that the surface passes, with the area (in 2D the
length) of the surface there (see ``elements``). ``mesh``: the same, but at the centre of that piece of surface instead
of the corner. ``voxels``: a voxel that shares a face with one outside the mask, of size 1."""

_ROWS = 4096
_ROW_EFFORT = 5
"""How many looks at a row cost as much as one voxel of the search by columns."""


class _Elements(NamedTuple):
    positions: NDArray[np.uint32]
    codes: NDArray[np.uint8]
    sampled: NDArray[np.bool_]


_Measure = Callable[[_Elements, Sequence[_Elements], float], Directed]
"""Of elements, their targets, and the distance of those without: how far they are."""


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
        crop: The masks, none of them empty.
        spacing_mm: Spacing along z,y,x.
        model: Definition of a surface element.
        surface: 3d or 2d.
        without_target_mm: With 2d, the distance of an element in a slice in which the other mask is empty, mm.
    """
    planar = surface == "2d"
    reference, prediction = (
        _elements(mask, crop.uncounted, model, planar) for mask in (crop.reference, crop.prediction)
    )
    targets = [reference]
    if crop.outer is not crop.reference:
        targets.append(_elements(crop.outer, crop.uncounted, model, planar))
    measure = (_by_tree if model == "mesh" else _on_grid)(crop, spacing_mm, model, planar)
    return SurfaceDistances(
        measure(reference, [prediction], without_target_mm), measure(prediction, targets, without_target_mm)
    )


def _elements(mask: Mask, uncounted: NDArray[np.uint8], model: SurfaceModel, planar: bool) -> _Elements:
    lister = surface_voxels if model == "voxels" else dual_grid_elements
    return _Elements(*lister(mask.voxels, mask.spans, uncounted, planar))


def _on_grid(crop: Crop, spacing_mm: tuple[float, float, float], model: SurfaceModel, planar: bool) -> _Measure:
    """Measure between places on a grid, where there are few distances and the nearest is quickly found."""
    along = crop.workspace
    rows, rows_mm2 = _rows_around(spacing_mm[0], spacing_mm[1], planar)
    sizes = np.array([0.0, 1.0] if model == "voxels" else _sizes(spacing_mm, planar))

    def measure(elements: _Elements, targets: Sequence[_Elements], without_target_mm: float) -> Directed:
        positions, codes, sampled = elements
        occupied = distances_along_rows(_union([target.positions for target in targets]), along)
        enough = max(_ROW_EFFORT * along.size // max(positions.size, 1), 16)
        steps, lost = nearest_by_rows(
            positions, sampled, along, occupied, rows[:enough], rows_mm2[:enough], spacing_mm[2] ** 2
        )
        if lost:
            nearest_by_columns(positions, sampled, along, occupied, np.array(spacing_mm), planar, steps)
        components, weights = weights_by_step(steps, codes, sampled, sizes)
        mm = np.linalg.norm(components * spacing_mm, axis=1)
        return Directed(np.where(components[:, 0] < 0, without_target_mm, mm), weights)

    return measure


def _by_tree(crop: Crop, spacing_mm: tuple[float, float, float], model: SurfaceModel, planar: bool) -> _Measure:  # noqa: ARG001
    """Measure between places anywhere, with a k-d tree."""
    centres = _centres(spacing_mm, planar)
    # Within slices, the others are moved away further than any distance in a slice.
    slice_mm = 2 * float(np.linalg.norm(np.multiply(crop.workspace.shape, spacing_mm))) if planar else spacing_mm[0]

    def places(elements: _Elements) -> NDArray[np.float64]:
        index = np.stack(np.unravel_index(elements.positions, crop.workspace.shape), axis=1)
        return (index + centres[elements.codes]) * (slice_mm, *spacing_mm[1:])

    def measure(elements: _Elements, targets: Sequence[_Elements], without_target_mm: float) -> Directed:
        tree = cKDTree(np.concatenate([places(target) for target in targets]))
        mm = np.asarray(tree.query(places(elements)[elements.sampled])[0])
        weights = _sizes(spacing_mm, planar)[elements.codes[elements.sampled]]
        if planar:
            mm[mm >= slice_mm / 2] = without_target_mm
        return Directed(mm, weights)

    return measure


def _union(positions: Sequence[NDArray[np.uint32]]) -> NDArray[np.uint32]:
    """Return the distinct positions of ascending lists, ascending."""
    if len(positions) == 1:
        return positions[0]
    # Two sorted runs are merged in one pass; np.union1d hashes them, which takes longer than all distances.
    merged = np.sort(np.concatenate(positions), kind="stable")
    return merged[np.concatenate([[True], merged[1:] != merged[:-1]])] if merged.size else merged


def _sizes(spacing_mm: tuple[float, float, float], planar: bool) -> NDArray[np.float64]:
    # Within a slice both halves of a neighbour code are alike, and each is the code of the slice.
    return np.tile(element_sizes(spacing_mm[1:]), 16) if planar else element_sizes(spacing_mm)


def _centres(spacing_mm: tuple[float, float, float], planar: bool) -> NDArray[np.float64]:
    if not planar:
        return element_centres(spacing_mm)
    within = np.tile(element_centres(spacing_mm[1:]), (16, 1))
    return np.concatenate([np.zeros((256, 1)), within], axis=1)


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
