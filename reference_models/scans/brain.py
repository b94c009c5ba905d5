"""CT brain extraction: the cranial cavity, without skull, scalp, face and neck.

The steps are those of the protocol that Muschelli et al. 2015 validated (doi 10.1016/j.neuroimage.2015.03.074):
threshold at 0 to 100 HU, smoothing, the largest component, neck removal, hole filling. Where that protocol calls FSL's
BET, whose licence forbids redistribution, this is mathematical morphology: the space that a ball of 10 mm reaches
inside bone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctbench.volume import Volume
from reference_models.scans.orientation import Orientation
from reference_models.scans.preprocessing import remembered

__all__ = ["BrainFinder", "brain_mask", "find_brain"]

_VERSION = 1

_BRAIN_HU = (0.0, 100.0)
_BONE_HU = 150.0
_HALF_BONE_HU = 450.0
"""HU of a voxel with equal parts of brain (35) and cortical bone (900)."""
_WORKING_MM = 1.5
_SMOOTHING_MM = 1.0
_BALL_MM = 10.0
_CREEP_MM = 6.0
"""Distance beyond the ball's reach to which thin corners are followed: temporal poles, floor of the frontal fossa."""
_CLOSING_MM = 6.0
_DIRECTIONS = 16
_ENCLOSED = 12
"""Number of directions in which bone must lie: skulls have gaps, and fields of view may end too early."""

Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]

BrainFinder = Callable[[Volume], Mask]
"""Function from a CT in HU to the mask of its brain, z,y,x bool."""


def brain_mask(image: Volume) -> Mask:
    """Return the mask of ``find_brain``, from the cache where this image was processed before."""
    return remembered("brain", _VERSION, (image,), lambda: find_brain(image))


def find_brain(image: Volume) -> Mask:
    """Return the mask of the cranial cavity.

    Args:
        image: HU, stored along any axes.

    Returns:
        z,y,x bool on the image's grid; all False where nothing is enclosed by bone.
    """
    orientation = Orientation.of(image)
    hu = orientation.apply(image.array).astype(np.float32)
    spacing = orientation.spacing_mm(image)
    step = [max(1, round(_WORKING_MM / size)) for size in spacing[1:]]
    coarse = hu[:, :: step[0], :: step[1]]
    cavity = _cavity(coarse, (spacing[0], spacing[1] * step[0], spacing[2] * step[1]))
    fine = cavity.repeat(step[0], axis=1).repeat(step[1], axis=2)[:, : hu.shape[1], : hu.shape[2]]
    mask: Mask = orientation.undo(_to_the_bone(fine, hu, max(step)))
    return mask


def _cavity(hu: NDArray[np.float32], spacing: Spacing) -> Mask:
    sigma = (0.0, _SMOOTHING_MM / spacing[1], _SMOOTHING_MM / spacing[2])
    smooth = ndimage.gaussian_filter(np.clip(hu, -100.0, 200.0), sigma)
    bone = hu > _BONE_HU
    inside = _enclosed(bone)
    soft = (smooth > _BRAIN_HU[0]) & (smooth < _BRAIN_HU[1]) & inside
    # Calcifications, drains and fat in the cavity must not keep the ball out.
    whole = np.stack([ndimage.binary_fill_holes(plane) for plane in soft])
    core = _largest(_shrunk(whole, _BALL_MM, spacing))
    if not core.any():
        return core
    reached = _grown(core, _BALL_MM + 1.0, spacing) & whole
    crept = reached | (_largest(reached | (_grown(reached, _CREEP_MM, spacing) & whole)))
    closed = _closed(crept, _CLOSING_MM, spacing) & (inside | crept)
    return np.stack([ndimage.binary_fill_holes(plane) for plane in closed])


def _enclosed(bone: Mask) -> Mask:
    """Return the voxels that have bone in most directions of the axial plane."""
    sides: NDArray[np.int8] = np.zeros(bone.shape, np.int8)
    turns = _DIRECTIONS // 4
    for turn in range(turns):
        angle = 90.0 * turn / turns
        turned = ndimage.rotate(bone.astype(np.uint8), angle, axes=(1, 2), reshape=True, order=0) if turn else bone
        met = np.zeros(turned.shape, np.int8)
        for axis in (1, 2):
            met += np.maximum.accumulate(turned > 0, axis=axis)
            met += np.flip(np.maximum.accumulate(np.flip(turned > 0, axis), axis=axis), axis)
        if turn:
            met = ndimage.rotate(met, -angle, axes=(1, 2), reshape=True, order=0)
            top, left = ((met.shape[axis] - bone.shape[axis]) // 2 for axis in (1, 2))
            met = met[:, top : top + bone.shape[1], left : left + bone.shape[2]]
        sides += met
    enclosed: Mask = (sides >= _ENCLOSED) & ~bone
    return enclosed


def _to_the_bone(mask: Mask, hu: NDArray[np.float32], step: int) -> Mask:
    """Return the mask grown to where a voxel is half bone, at most by the voxels lost to smoothing and coarse steps."""
    if not mask.any():
        return mask
    within_plane = ndimage.generate_binary_structure(2, 1)[None]
    open_to = hu < _HALF_BONE_HU
    near_bone = ndimage.binary_dilation(hu >= _HALF_BONE_HU, within_plane, iterations=step + 2)
    grown = ndimage.binary_dilation(mask, within_plane, iterations=step + 1, mask=open_to & near_bone | mask)
    filled: Mask = np.stack([ndimage.binary_fill_holes(plane) for plane in grown])
    return filled


def _largest(mask: Mask) -> Mask:
    pieces, count = ndimage.label(mask)
    if count < 2:
        return mask
    largest: Mask = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    return largest


def _shrunk(mask: Mask, mm: float, spacing: Spacing) -> Mask:
    shrunk: Mask = ndimage.distance_transform_edt(mask, sampling=spacing) > mm
    return shrunk


def _grown(mask: Mask, mm: float, spacing: Spacing) -> Mask:
    grown: Mask = ndimage.distance_transform_edt(~mask, sampling=spacing) <= mm
    return grown


def _closed(mask: Mask, mm: float, spacing: Spacing) -> Mask:
    margins = [int(np.ceil(mm / size)) + 1 for size in spacing]
    padded = np.pad(mask, [(margin, margin) for margin in margins], mode="edge")
    closed = _shrunk(_grown(padded, mm, spacing), mm, spacing)
    z, y, x = margins
    return closed[z:-z, y:-y, x:-x] | mask
