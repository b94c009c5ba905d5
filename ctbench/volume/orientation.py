"""Orientation of volumes: which stored axis is the body's, the order z, y, x in memory, and reoriented equal grids.

A file may store its axes in any of 48 ways. ``upright`` brings them into the order z, y, x of the patient, without
turning any round, so that a slice keeps the number that a viewer of the file counts; ``as_stored`` is the inverse.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product, starmap
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctbench.notices import warn_once
from ctbench.volume.geometry import TOLERANCE, Axes, Geometry, Volume, check_same_grid

__all__ = ["as_stored", "nearest_axes", "on_grid", "upright", "upright_geometry", "warn_if_oblique"]

_OBLIQUE_DEGREES = 45.0
_SAME_DIGITS = 4
"""Direction cosines equal to so many decimals are ties, which must not depend on the order in the file."""


def nearest_axes(direction: ArrayLike) -> Axes:
    """Return the axes of an array that are nearest to the patient's z (long axis), y (front to back) and x.

    The axis nearest to z is chosen first, then that nearest to y.

    Args:
        direction: 3 x 3 direction of a ``Volume`` or ``Geometry``.

    >>> nearest_axes([[0, 0, 1], [0, 1, 0], [1, 0, 0]])
    (2, 1, 0)
    """
    columns = np.asarray(direction, dtype=np.float64).T
    z = max(range(3), key=lambda axis: _nearness(columns[axis], 0))
    y = max({0, 1, 2} - {z}, key=lambda axis: _nearness(columns[axis], 1))
    return z, y, 3 - z - y


def _nearness(column: NDArray[np.float64], world: int) -> tuple[float, ...]:
    """Return a key that grows with the nearness of an axis to a world axis; the rest decides ties by the line alone."""
    line = np.roll(column, -world) * (-1.0 if column[world] < 0 else 1.0)
    return tuple(np.round(line, _SAME_DIGITS).tolist())


def upright(volume: Volume) -> Volume:
    """Return the volume with its axes in the order z, y, x of the patient; ``stored_axes`` keeps the order it had."""
    return _turned(volume, _Turn(nearest_axes(volume.direction)))


def upright_geometry(geometry: Geometry) -> Geometry:
    """Return the geometry that ``upright`` gives a volume on this grid."""
    return _turned_geometry(geometry, _Turn(nearest_axes(geometry.direction)))


def as_stored(volume: Volume) -> Volume:
    """Return the volume with its axes in the order of the file that it, or its image, was read from."""
    first, second, third = (volume.stored_axes.index(axis) for axis in range(3))
    return _turned(volume, _Turn((first, second, third)))


def on_grid(volume: Volume, expected: Geometry, *, found_name: str, expected_name: str) -> Volume:
    """Return a volume on the grid ``expected``, if both grids have the same voxels.

    Where the centres of the voxels coincide one to one, but the axes run in another order or the other way, the array
    is reoriented without interpolation; a warning says so once for all files of a folder. Where a file states several
    placements of its voxels, any of them may be the one on ``expected``.

    Args:
        volume: The volume, e.g. a label map.
        expected: The grid, e.g. that of its image.
        found_name: Name of the volume in messages, e.g. ``label map masks/a.nii.gz``.
        expected_name: Name of the grid in messages.

    Raises:
        GeometryError: The grids have other voxels.
    """
    found = volume.geometry
    turn = _KEPT
    if found.differences(expected):
        pairs = product(found.placements, expected.placements)
        turn = next((turn for turn in starmap(_turn_onto, pairs) if turn is not None), _KEPT)
        if turn == _KEPT or _turn_onto(found, expected) != turn:
            turned = _turned_geometry(found, turn)
            check_same_grid(turned, expected, found_name=found_name, expected_name=expected_name)
    elif found.stored_axes == expected.stored_axes:
        return volume
    if turn != _KEPT or found.stored_axes != expected.stored_axes:
        warn_once(
            f"{found_name} is stored in another orientation than {expected_name}: it was reordered or flipped to "
            "match, without interpolation",
            about=f"orientation of {Path(found_name).parent}",
        )
    return expected.volume_of(_turned(volume, turn).array)


def warn_if_oblique(volume: Volume, path: Path) -> None:
    """Log a warning, once for all files of a folder, if no axis of a volume is near the patient's long axis."""
    cosine = abs(float(volume.direction[0, 0]))
    degrees = float(np.degrees(np.arccos(min(cosine, 1.0))))
    if round(degrees, 1) > _OBLIQUE_DEGREES:
        warn_once(
            f"the slices of {path} are taken along the axis nearest to the body's long axis, {degrees:.0f} degrees "
            "away from it",
            about=f"obliqueness of {path.parent}",
        )


class _Turn(NamedTuple):
    """A reorientation of an array.

    Attributes:
        axes: For each axis of the result, the axis that it was.
        flips: Axes of the result that run the other way.
    """

    axes: Axes = (0, 1, 2)
    flips: tuple[int, ...] = ()


_KEPT = _Turn()


def _turned(volume: Volume, turn: _Turn) -> Volume:
    if turn == _KEPT:
        return volume
    array = np.ascontiguousarray(np.flip(volume.array.transpose(turn.axes), turn.flips))
    return _turned_geometry(volume.geometry, turn).volume_of(array)


def _turned_geometry(geometry: Geometry, turn: _Turn) -> Geometry:
    """Return the geometry of a turned array; its other placements are of the same voxels, and turn with it."""
    z, y, x = turn.axes
    signs = np.where(np.isin(range(3), turn.flips), -1.0, 1.0)
    far = [(geometry.shape[axis] - 1) * geometry.spacing_mm[axis] for axis in turn.axes]
    axes = np.array(geometry.direction)[:, turn.axes]
    origin = (geometry.origin_mm + axes @ np.where(signs < 0, far, 0.0)).tolist()
    return replace(
        geometry,
        shape=(geometry.shape[z], geometry.shape[y], geometry.shape[x]),
        spacing_mm=(geometry.spacing_mm[z], geometry.spacing_mm[y], geometry.spacing_mm[x]),
        origin_mm=tuple(origin),
        direction=tuple(tuple(row) for row in (axes * signs + 0.0).tolist()),  # type: ignore[arg-type]  # 3 x 3, no -0.0
        stored_axes=(geometry.stored_axes[z], geometry.stored_axes[y], geometry.stored_axes[x]),
        others=tuple(_turned_geometry(other, turn) for other in geometry.others),
    )


def _turn_onto(found: Geometry, expected: Geometry) -> _Turn | None:
    """Return how to turn an array onto a grid of the same voxels in another orientation; None if there is no way."""
    cosines = np.array(expected.direction).T @ np.array(found.direction)
    z, y, x = (int(axis) for axis in np.abs(cosines).argmax(axis=1))
    turn = _Turn((z, y, x), tuple(axis for axis, source in enumerate((z, y, x)) if cosines[axis, source] < 0))
    if len({z, y, x}) < 3 or turn == _KEPT:
        return None
    moved = _turned_geometry(found, turn)
    return turn if set(moved.differences(expected)) <= {"origin_mm"} and _meet(moved, expected) else None


def _meet(one: Geometry, other: Geometry) -> bool:
    """Return whether two grids of one shape, spacing and direction meet in a corner.

    Whichever corner a file calls its origin, directions that differ by rounding part the grids at the opposite one.
    """
    corners = np.array(list(product(*((0, size - 1) for size in one.shape)))).T
    first, second = (
        np.array(grid.origin_mm)[:, None] + (np.array(grid.direction) * grid.spacing_mm) @ corners
        for grid in (one, other)
    )
    return bool(np.abs(first - second).max(axis=0).min() <= TOLERANCE)
