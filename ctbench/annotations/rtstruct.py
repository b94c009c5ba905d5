"""Read DICOM RT structure sets (RTSTRUCT): closed contours of regions, filled on the slices on which they lie."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.annotations.contours import fill
from ctbench.annotations.dicom_files import opened
from ctbench.annotations.placement import COINCIDE, index_matrix
from ctbench.annotations.segments import Segment
from ctbench.errors import GeometryError, VolumeFileError
from ctbench.volume import Geometry

__all__ = ["read_rtstruct", "rtstruct_names"]

_MARGIN = 1.0
"""How far the points of a contour may lie beyond the centres of the outermost voxels, in voxels."""
_CLOSED = {"CLOSED_PLANAR": False, "CLOSEDPLANAR_XOR": True}
"""Geometric type of closed contours -> whether contours of one slice are combined by exclusive or."""


def rtstruct_names(path: Path) -> tuple[str, ...]:
    """Return the names of the regions that have closed contours; raises as ``read_rtstruct``."""
    with opened(path) as structures:
        return tuple(name for name, contours in _regions(structures).items() if any(map(_is_closed, contours)))


def read_rtstruct(path: Path, image: Geometry, image_name: str) -> list[Segment]:
    """Read the regions of an RTSTRUCT file as masks on the grid of its image.

    A voxel belongs to a region if its centre is inside the region's contours of its slice, or on one of their lines.
    Contours of one slice are combined by winding number (``ctbench.annotations.contours.fill``): one in the opposite
    direction inside another is a hole; those of type CLOSEDPLANAR_XOR by exclusive or. Slices without a contour stay
    empty: nothing is interpolated between contours. Points and open lines have no voxels.

    Args:
        path: The RTSTRUCT file.
        image: Grid of the image.
        image_name: Name of the image in messages.

    Raises:
        UsageError: pydicom is not installed.
        VolumeFileError: The file is damaged.
        GeometryError: A contour does not lie on a slice of the image.
    """
    with opened(path) as structures:
        return [
            Segment(name, _mask(contours, image, f"region {name!r} of {path}", image_name))
            for name, contours in _regions(structures).items()
        ]


def _regions(structures: Any) -> dict[str, list[Any]]:
    """Return the contours of each region by its name, in the order of the file; regions of one name are united."""
    names = {int(roi.ROINumber): str(roi.ROIName) for roi in structures.StructureSetROISequence}
    regions: dict[str, list[Any]] = defaultdict(list)
    for roi in structures.ROIContourSequence:
        regions[names[int(roi.ReferencedROINumber)]] += list(getattr(roi, "ContourSequence", None) or ())
    return dict(regions)


def _is_closed(contour: Any) -> bool:
    return str(contour.ContourGeometricType) in _CLOSED


def _mask(contours: list[Any], image: Geometry, where: str, image_name: str) -> NDArray[np.bool_]:
    planes: dict[tuple[int, int, bool], list[NDArray[np.float64]]] = defaultdict(list)
    to_index = np.linalg.inv(index_matrix(image))
    for contour in filter(_is_closed, contours):
        points = _points(contour, where)
        indices = (points[:, ::-1] - np.asarray(image.origin_mm)) @ to_index.T
        axis, number = _plane(indices, image, where, image_name)
        alternate = _CLOSED[str(contour.ContourGeometricType)]
        planes[axis, number, alternate].append(np.delete(indices, axis, axis=1))
    mask = np.zeros(image.shape, dtype=bool)
    for (axis, number, alternate), polygons in planes.items():
        plane = np.moveaxis(mask, axis, 0)[number]  # a view
        plane |= fill(polygons, plane.shape, alternate=alternate)
    return mask


def _points(contour: Any, where: str) -> NDArray[np.float64]:
    """Return the points of a contour as x, y, z in mm."""
    numbers = np.asarray(contour.ContourData, dtype=np.float64)
    if numbers.ndim != 1 or not numbers.size or numbers.size % 3 or not np.isfinite(numbers).all():
        msg = f"{where} has a contour of {numbers.size} numbers; expected x, y, z of its points; export it again"
        raise VolumeFileError(msg)
    return numbers.reshape(-1, 3)


def _plane(indices: NDArray[np.float64], image: Geometry, where: str, image_name: str) -> tuple[int, int]:
    """Return the axis and the number of the slice of the image on which all points of a contour lie."""
    low, high = indices.min(axis=0), indices.max(axis=0)
    numbers = np.rint((low + high) / 2)
    off = np.maximum(high - numbers, numbers - low)
    axis = int((high - low).argmin()) if len(indices) > 2 else int(off.argmin())
    number = int(numbers[axis])
    if off[axis] > COINCIDE:
        msg = (
            f"{where} has a contour between the slices of {image_name}, {off[axis]:.2f} slices from the nearest; "
            f"contours must lie on the slices of the image on which they were drawn, without resampling"
        )
        raise GeometryError(msg)
    others = [at for at in range(3) if at != axis]
    inside = 0 <= number < image.shape[axis] and all(
        low[at] >= -_MARGIN and high[at] <= image.shape[at] - 1 + _MARGIN for at in others
    )
    if not inside:
        msg = f"{where} has a contour that reaches outside {image_name}; check that it was drawn on this image"
        raise GeometryError(msg)
    return axis, number
