"""Surface distances between a structure in references and in a prediction, in both directions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ctbench.metrics.crop import PLANES, Crop, Mask
from ctbench.metrics.distances import Directed, SurfaceDistances
from ctbench.metrics.elements import element_centres, element_sizes
from ctbench.metrics.listing import dual_grid_elements, surface_voxels
from ctbench.metrics.nearest import (
    count_planes,
    distances_along_rows,
    distances_in_plane,
    marked_in_plane,
    nearest_by_columns,
    nearest_by_rows,
    nearest_by_scan,
    nearest_in_ball,
    pack_steps,
)

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
_FEWEST_ROWS = 16
_BALL = 256
"""How many voxels around an element are looked at before rows are."""
_SCANNED_ROWS = 256
"""How many rows around an element are scanned, if no more than one in ``_SCANNED_SHARE`` elements needs it."""
_SCANNED_SHARE = 8
_FEW, _LARGE = 32, 2**20
"""How few elements are worth scanning all rows of a crop with so many voxels: less than solving it takes."""
_ALL_ROWS = 2**17

_Margins = tuple[int, int, int]


class _Elements(NamedTuple):
    """Surface elements as ``listing`` returns them."""

    positions: NDArray[np.uint32]
    codes: NDArray[np.uint64]
    surfaces: NDArray[np.uint8]
    sampled: NDArray[np.uint8]

    def codes_of(self, plane: int, which: NDArray[np.intp] | NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Return the codes of some elements in one plane."""
        return (self.codes[which] >> np.uint64(8 * plane)).astype(np.uint8)


_Measure = Callable[[_Elements, Sequence[_Elements], float], Directed]


def surface_distances(
    crop: Crop,
    planes: Sequence[int],
    spacing_mm: tuple[float, float, float],
    model: SurfaceModel,
    surface: Surface,
    without_target_mm: float,
) -> dict[int, SurfaceDistances]:
    """Measure the distances of a structure's surfaces in references and in a prediction, in both directions.

    Surfaces are those of the whole masks, and outside the image is background. Elements that touch an uncounted voxel
    are not sampled, yet the other surface is measured to them: the structure goes on there, only nobody knows how
    far. For the same reason the prediction is measured to the border of what the reference holds or of what it may
    hold, whichever is nearer. On the dual grid an element touches the voxels that meet at its corner; a surface voxel
    touches itself and those that share a face with it.

    Args:
        crop: The masks.
        planes: The references to measure; neither they nor the prediction are empty.
        spacing_mm: Spacing along z,y,x.
        model: Definition of a surface element.
        surface: 3d or 2d.
        without_target_mm: With 2d, the distance of an element in a slice in which the other mask is empty, mm.

    Returns:
        Reference, of ``planes`` -> its distances.
    """
    measure = _by_tree if model == "mesh" else _on_grid
    forth, back = measure(crop, planes, spacing_mm, model, surface == "2d", without_target_mm)
    return {plane: SurfaceDistances(*both) for plane, *both in zip(planes, forth, back, strict=True)}


class _Targets(NamedTuple):
    """The surface elements that others look for."""

    marks: NDArray[np.uint8]
    """Bit planes, z,y,x, larger than the masks by a margin on all sides."""
    extents: NDArray[np.int32]
    """z,y x (start, stop) of the elements in each row of the masks; stop is 0 in rows without."""
    margins: _Margins

    @classmethod
    def none_of(cls, shape: tuple[int, int, int], margins: _Margins) -> _Targets:
        """Return the places for the elements of masks of some shape, with no element yet."""
        extents = np.zeros((*shape[:2], 2), np.int32)
        extents[..., 0] = shape[2]
        return cls(np.zeros([n + 2 * more for n, more in zip(shape, margins, strict=True)], np.uint8), extents, margins)


_NOWHERE = _Targets(np.zeros((0, 0, 0), np.uint8), np.zeros((0, 0, 2), np.int32), (0, 0, 0))


def _elements(
    mask: Mask,
    uncounted: NDArray[np.uint8],
    model: SurfaceModel,
    planar: bool,
    targets: _Targets = _NOWHERE,
    listed: bool = True,
) -> _Elements:
    """Return the surface elements of a mask, and mark them among the targets."""
    lister = surface_voxels if model == "voxels" else dual_grid_elements
    marks, extents, margins = targets
    return _Elements(*lister(mask.voxels, mask.spans, uncounted, planar, marks, margins, extents, listed))


def _on_grid(
    crop: Crop,
    planes: Sequence[int],
    spacing_mm: tuple[float, float, float],
    model: SurfaceModel,
    planar: bool,
    without_target_mm: float,
) -> tuple[list[Directed], list[Directed]]:
    """Measure between places on a grid, where there are few distances and the nearest is quickly found."""
    search = _Search(crop, planes, spacing_mm, model, planar, without_target_mm)
    margins: _Margins = tuple(search.ball.steps.max(axis=0).tolist())
    held, drawn = _Targets.none_of(crop.shape, margins), _Targets.none_of(crop.shape, margins)
    reference = _elements(crop.reference, crop.uncounted, model, planar, held)
    prediction = _elements(crop.prediction, crop.uncounted, model, planar, drawn)
    if crop.outer is not crop.reference:
        _elements(crop.outer, crop.uncounted, model, planar, held, listed=False)
    return search.directed(reference, drawn), search.directed(prediction, held)


class _Search:
    """The search for the nearest targets of surface elements on a grid, of all planes at once where they are near."""

    def __init__(
        self,
        crop: Crop,
        planes: Sequence[int],
        spacing_mm: tuple[float, float, float],
        model: SurfaceModel,
        planar: bool,
        without_target_mm: float,
    ) -> None:
        self.crop, self.planes, self.spacing_mm, self.planar = crop, planes, spacing_mm, planar
        self.without_target_mm = without_target_mm
        self.every = sum(1 << plane for plane in planes)
        self.rows = _rows_around(spacing_mm[0], spacing_mm[1], planar)
        self.sizes = np.array([0.0, 1.0] if model == "voxels" else _sizes(spacing_mm, planar))
        self.ball = _ball(spacing_mm, planar)

    def directed(self, elements: _Elements, targets: _Targets) -> list[Directed]:
        """Return the distances of elements from targets in each plane."""
        weights = np.zeros((len(self.ball.packed), PLANES))
        first = np.full(weights.shape, -1, np.int64)
        wanted = elements.sampled & np.uint8(self.every)
        lost = nearest_in_ball(
            elements.positions,
            elements.codes,
            wanted,
            self.crop.shape,
            targets.marks,
            targets.margins,
            self.ball.steps,
            self.ball.kinds,
            self.sizes,
            weights,
            first,
            self.every,
        )
        far = np.flatnonzero(lost)
        steps = self._far_steps(elements, targets, far, lost[far])
        beyond = far, lost[far], steps, elements.codes, self.sizes, self.spacing_mm, self.without_target_mm
        return [
            Directed(*distances_in_plane(plane, self.ball.packed, weights, first, *beyond)) for plane in self.planes
        ]

    def _far_steps(
        self, elements: _Elements, targets: _Targets, far: NDArray[np.intp], lost: NDArray[np.uint8]
    ) -> NDArray[np.int64]:
        """Return the steps from elements to targets beyond the ball: planes x elements.

        Args:
            elements: All elements.
            targets: The targets.
            far: Which elements have no target in the ball.
            lost: The planes in which they have none.
        """
        steps = np.full((self.crop.planes, far.size), -1, np.int64)
        if not far.size:
            return steps
        left = lost.copy()

        def scan(most: Mapping[int, int], rows: _Rows, limits_mm2: Mapping[int, float]) -> None:
            """Scan for targets in the planes in which not too many elements look for one."""
            counts = count_planes(left, self.crop.planes)
            few = sum(1 << plane for plane in self.planes if 0 < counts[plane] <= most[plane])
            its = np.flatnonzero(left & np.uint8(few))
            if not its.size:
                return
            limits = np.array([limits_mm2.get(plane, 0.0) for plane in range(self.crop.planes)])
            positions, wanted = elements.positions[far[its]], left[its] & np.uint8(few)
            where = (self.crop.shape, targets.marks, targets.margins, targets.extents)
            found = nearest_by_scan(positions, wanted, *where, *rows, self.spacing_mm[2] ** 2, limits)
            there = found >= 0
            steps[:, its] = np.where(there, found, steps[:, its])
            left[its] &= ~np.packbits(there, axis=0, bitorder="little")[0]

        enough = self._enough(elements)
        rows = _Rows(self.rows.steps[:_SCANNED_ROWS], self.rows.mm2[:_SCANNED_ROWS])
        most = dict(enumerate((count_planes(elements.sampled, self.crop.planes) // _SCANNED_SHARE).tolist()))
        scan(most, rows, {plane: float(rows.mm2[min(n, _SCANNED_ROWS) - 1]) for plane, n in enough.items()})
        large = {plane: _FEW if self._size(plane) > _LARGE else 0 for plane in self.planes}
        rows = _rows_around(*self.spacing_mm[:2], self.planar, _ALL_ROWS) if any(large.values()) else rows
        scan(large, rows, dict.fromkeys(self.planes, float(rows.mm2[-1])))
        for plane in self.planes:
            its = np.flatnonzero(left & np.uint8(1 << plane))
            if its.size:
                steps[plane, its] = self._along_rows(elements, targets, plane, far[its], enough[plane])
        return steps

    @cached_property
    def _scratch(self) -> NDArray[np.int16]:
        """Room for a number in every voxel, of one plane after the other: fetching memory takes as long as the loop."""
        return np.empty(math.prod(self.crop.shape), np.int16)

    def _size(self, plane: int) -> int:
        """Return the number of voxels of the window of a plane."""
        return math.prod(axis.stop - axis.start for axis in self.crop.windows[plane])

    def _enough(self, elements: _Elements) -> dict[int, int]:
        """Return, for each plane, how many rows to look at for each element before whole slices are solved."""
        counts = count_planes(elements.surfaces, self.crop.planes)
        return {
            plane: max(_ROW_EFFORT * self._size(plane) // max(int(counts[plane]), 1), _FEWEST_ROWS)
            for plane in self.planes
        }

    def _along_rows(
        self, elements: _Elements, targets: _Targets, plane: int, far: NDArray[np.intp], enough: int
    ) -> NDArray[np.int64]:
        """Return the steps from many elements to their targets in one plane, however far away.

        Args:
            elements: All elements.
            targets: The targets.
            plane: The plane.
            far: The elements whose targets are wanted.
            enough: How many rows to look at for each of them before whole slices are solved.
        """
        window = self.crop.windows[plane]
        z, y, x = (axis.stop - axis.start for axis in window)
        shape = z, y, x
        begin = tuple(axis.start for axis in window)
        there = marked_in_plane(targets.marks, targets.margins, targets.extents, begin, shape, plane)
        at = np.unravel_index(elements.positions[far], self.crop.shape)
        within = tuple(axis - start for axis, start in zip(at, begin, strict=True))
        queries = np.ravel_multi_index(within, shape).astype(np.uint32)
        along = self._scratch[: math.prod(shape)].reshape(shape)
        occupied = distances_along_rows(there, along)
        rows, rows_mm2 = self.rows.steps[:enough], self.rows.mm2[:enough]
        steps, lost = nearest_by_rows(queries, along, occupied, rows, rows_mm2, self.spacing_mm[2] ** 2)
        if lost:
            nearest_by_columns(queries, along, occupied, np.array(self.spacing_mm), self.planar, steps)
        return steps


def _by_tree(
    crop: Crop,
    planes: Sequence[int],
    spacing_mm: tuple[float, float, float],
    model: SurfaceModel,
    planar: bool,
    without_target_mm: float,
) -> tuple[list[Directed], list[Directed]]:
    """Measure between places anywhere, with a k-d tree."""
    centres, sizes = _centres(spacing_mm, planar), _sizes(spacing_mm, planar)
    # Within slices, the others are moved away further than any distance in a slice.
    slice_mm = 2 * float(np.linalg.norm(np.multiply(crop.shape, spacing_mm))) if planar else spacing_mm[0]
    first = [[axis.start for axis in window] for window in crop.windows]

    def places(elements: _Elements, plane: int, chosen: NDArray[np.uint8]) -> NDArray[np.float64]:
        there = chosen >> np.uint8(plane) & 1 > 0
        index = np.stack(np.unravel_index(elements.positions[there], crop.shape), axis=1) - first[plane]
        return np.asarray((index + centres[elements.codes_of(plane, there)]) * (slice_mm, *spacing_mm[1:]))

    def measure(elements: _Elements, plane: int, targets: Sequence[_Elements]) -> Directed:
        tree = cKDTree(np.concatenate([places(target, plane, target.surfaces) for target in targets]))
        mm = np.asarray(tree.query(places(elements, plane, elements.sampled))[0])
        weights = sizes[elements.codes_of(plane, elements.sampled >> np.uint8(plane) & 1 > 0)]
        if planar:
            mm[mm >= slice_mm / 2] = without_target_mm
        return Directed(mm, weights)

    masks = [crop.reference, crop.prediction, *([] if crop.outer is crop.reference else [crop.outer])]
    reference, prediction, *outer = (_elements(mask, crop.uncounted, model, planar) for mask in masks)
    return (
        [measure(reference, plane, [prediction]) for plane in planes],
        [measure(prediction, plane, [reference, *outer]) for plane in planes],
    )


def _sizes(spacing_mm: tuple[float, float, float], planar: bool) -> NDArray[np.float64]:
    # Within a slice both halves of a neighbour code are alike, and each is the code of the slice.
    return np.tile(element_sizes(spacing_mm[1:]), 16) if planar else element_sizes(spacing_mm)


def _centres(spacing_mm: tuple[float, float, float], planar: bool) -> NDArray[np.float64]:
    if not planar:
        return element_centres(spacing_mm)
    within = np.tile(element_centres(spacing_mm[1:]), (16, 1))
    return np.concatenate([np.zeros((256, 1)), within], axis=1)


class _Rows(NamedTuple):
    steps: NDArray[np.int64]
    """n x (dz, dy), nearest first."""
    mm2: NDArray[np.float64]
    """Their squared distances in mm²."""


@lru_cache(maxsize=16)
def _rows_around(spacing_z: float, spacing_y: float, planar: bool, count: int = _ROWS) -> _Rows:
    """List all rows within the distance within which there are about ``count``."""
    radius = count / 2 * spacing_y if planar else np.sqrt(count / np.pi * spacing_z * spacing_y)
    reach = [0 if planar else int(radius / spacing_z), int(radius / spacing_y)]
    steps = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), axis=-1).reshape(-1, 2)
    mm2 = steps[:, 0] ** 2 * spacing_z**2 + steps[:, 1] ** 2 * spacing_y**2
    order = np.argsort(mm2, kind="stable")
    order = order[mm2[order] <= radius**2]
    return _Rows(steps[order], mm2[order])


class _Ball(NamedTuple):
    steps: NDArray[np.int64]
    """n x (dz, dy, dx), nearest first."""
    kinds: NDArray[np.int64]
    """The kind of each step: those that are mirrored are of one kind."""
    packed: NDArray[np.int64]
    """The step of each kind, packed as in ``nearest``."""


@lru_cache(maxsize=16)
def _ball(spacing_mm: tuple[float, float, float], planar: bool) -> _Ball:
    """List the voxels so near that the search by rows, however few of them it looks at, finds the same nearest one."""
    rows, rows_mm2 = _rows_around(spacing_mm[0], spacing_mm[1], planar)
    end_mm2 = rows_mm2[_FEWEST_ROWS - 1]
    reach = int(np.sqrt(end_mm2) / spacing_mm[2]) + 1
    dx = np.arange(-min(reach, _BALL), min(reach, _BALL) + 1)
    near = rows_mm2 < end_mm2
    mm2 = rows_mm2[near][:, None] + spacing_mm[2] ** 2 * dx * dx
    order = np.argsort(mm2, axis=None, kind="stable")
    # Mirrored steps are equally long, and either all or none of them belong to the ball.
    end_mm2 = min(end_mm2, mm2.ravel()[order[min(_BALL, order.size - 1)]])
    row, column = np.unravel_index(order[mm2.ravel()[order] < end_mm2], mm2.shape)
    steps = np.concatenate([rows[near][row], dx[column][:, None]], axis=1)
    packed, kinds = np.unique(pack_steps(np.abs(steps)), return_inverse=True)
    return _Ball(steps, kinds, packed)
