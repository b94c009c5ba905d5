"""Where the brain is on a head CT: soft tissue that the skull encloses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctbench.volume import Volume

__all__ = ["brain_mask"]

_SOFT_HU = (-20.0, 120.0)
_BONE_HU = 150.0
_OPENING_MM = 3.0
_WORKING_MM = 1.5
_CLOSING_MM = 6.0


def brain_mask(image: Volume) -> NDArray[np.bool_]:
    """Find the intracranial space.

    Soft tissue is opened, so that it falls apart where the skull's foramina join it to orbits and neck; of the pieces,
    the largest of those that bone surrounds is kept, grown back and closed. In plane this works on
    voxels of about 1.5 mm, which makes large scans as quick as small ones.

    Args:
        image: HU; an axial stack (the first axis runs along the body).

    Returns:
        z,y,x bool on the image's grid; all False where nothing is enclosed by bone.
    """
    step = [max(1, round(_WORKING_MM / spacing)) for spacing in image.spacing_mm[1:]]
    hu = np.asarray(image.array[:, :: step[0], :: step[1]], dtype=np.float32)
    spacing = (image.spacing_mm[0], image.spacing_mm[1] * step[0], image.spacing_mm[2] * step[1])
    soft = (hu > _SOFT_HU[0]) & (hu < _SOFT_HU[1])
    inside = _inside_bone(hu > _BONE_HU)
    # Along z slices are thick: an opening in plane is what separates, and it keeps the vertex.
    core = _shrunk(soft & inside, _OPENING_MM, spacing)
    pieces, count = ndimage.label(core)
    if not count:
        return np.zeros(image.shape, bool)
    largest = 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    grown = _grown(pieces == largest, _OPENING_MM + 0.5, spacing) & soft & inside
    closed = np.stack([ndimage.binary_fill_holes(plane) for plane in _closed(grown, _CLOSING_MM, spacing)]) & inside
    whole = closed.repeat(step[0], axis=1).repeat(step[1], axis=2)
    return np.ascontiguousarray(whole[:, : image.shape[1], : image.shape[2]])


def _inside_bone(bone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the voxels that meet bone on at least three of their four sides in the axial plane.

    Three, because real skulls have gaps: burr holes, craniotomies, a field of view that ends too early.
    """
    sides = np.zeros(bone.shape, np.int8)
    for axis in (1, 2):
        sides += np.maximum.accumulate(bone, axis=axis)
        sides += np.flip(np.maximum.accumulate(np.flip(bone, axis), axis=axis), axis)
    return (sides >= 3) & ~bone


def _distance(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    planes = [ndimage.distance_transform_edt(plane, sampling=spacing[1:]) for plane in mask]
    return np.stack(planes)


def _shrunk(mask: NDArray[np.bool_], mm: float, spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
    return _distance(mask, spacing) > mm


def _grown(mask: NDArray[np.bool_], mm: float, spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
    # A plane without a single voxel has no distance to one: scipy would measure to a corner outside.
    filled = mask.any(axis=(1, 2), keepdims=True)
    return (_distance(~mask, spacing) <= mm) & filled


def _closed(mask: NDArray[np.bool_], mm: float, spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
    margin = [(0, 0), *((int(np.ceil(mm / size)) + 1,) * 2 for size in spacing[1:])]
    padded = np.pad(mask, margin)
    closed = _shrunk(_grown(padded, mm, spacing), mm, spacing)
    rows, columns = margin[1][0], margin[2][0]
    return closed[:, rows:-rows, columns:-columns] | mask
