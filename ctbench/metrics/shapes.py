"""Shape measures of masks: rims, skeletons, Euler numbers and centroids, for boundary IoU, clDice and centre distances.

Masks are z,y,x bool with a margin of at least one voxel of background on every side. Nothing here depends on the
orientation of the image.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Masks", "boundary_iou", "centre_distance", "centreline_dice", "euler_number", "rim", "skeleton"]

Mask = NDArray[np.bool_]

_SLACK = 1e-9
"""Relative: a distance equal to the width is within it, whatever was rounded."""
_FAR = 1e6
"""Distance of neighbouring slices, relative to all others, where each slice is measured for itself."""


class Masks(NamedTuple):
    """One structure in a reference and in a prediction: z,y,x bool arrays of one shape.

    Attributes:
        reference: Where the reference holds it.
        prediction: Where the prediction holds it.
        counted: Which voxels count.
    """

    reference: Mask
    prediction: Mask
    counted: Mask


def rim(mask: Mask, spacing_mm: tuple[float, float, float], width_mm: float, *, planar: bool = False) -> Mask:
    """Return the inner rim of a mask: its surface voxels, and all of its voxels within a width of the outside.

    Args:
        mask: The mask.
        spacing_mm: Spacing along z, y, x.
        width_mm: Largest distance in mm, between centres of voxels, from a voxel outside the mask.
        planar: Whether each slice is a mask of its own.
    """
    return mask & _near(~mask, spacing_mm, width_mm, planar=planar)


def _near(outside: Mask, spacing_mm: tuple[float, float, float], width_mm: float, *, planar: bool) -> Mask:
    """Return the voxels that share a face with a voxel of a mask, or are within a width in mm of one."""
    if not outside.any():
        return np.zeros(outside.shape, bool)
    steps = (_FAR * max(spacing_mm), *spacing_mm[1:]) if planar else spacing_mm
    found: Mask = ndimage.distance_transform_edt(~outside, sampling=steps) <= width_mm * (1 + _SLACK)
    return found | _grown(outside, corners=False, planar=planar)


def boundary_iou(
    masks: Masks, spacing_mm: tuple[float, float, float], width_mm: float, *, planar: bool = False
) -> float:
    """Return the intersection over union of the inner rims of both masks.

    Voxels that do not count, and those that the rim of such a voxel could reach, are left out. NaN: no rim is left.

    Source: Cheng et al., Boundary IoU, CVPR 2021:15334-15342, where the width is in pixels.

    Args:
        masks: The masks.
        spacing_mm: Spacing along z, y, x.
        width_mm: Width of the rims in mm.
        planar: Whether each slice is a mask of its own.
    """
    first, second = (rim(mask, spacing_mm, width_mm, planar=planar) for mask in masks[:2])
    counted = masks.counted & ~_near(~masks.counted, spacing_mm, width_mm, planar=planar)
    either = np.count_nonzero((first | second) & counted)
    return np.count_nonzero(first & second & counted) / either if either else np.nan


def skeleton(mask: Mask, *, planar: bool = False) -> Mask:
    """Return the morphological skeleton of a mask: what opening removes from it and from each of its erosions.

    Erosion is by the voxels that share a face, dilation by all neighbours, as in the source.

    Source: Shit et al., clDice, CVPR 2021:16560-16569 (algorithm 1, of binary masks).

    Args:
        mask: The mask.
        planar: Whether each slice is a mask of its own.
    """
    found = np.zeros(mask.shape, bool)
    while mask.any():
        smaller = ~_grown(~mask, corners=False, planar=planar)
        found |= mask & ~_grown(smaller, corners=True, planar=planar)
        mask = smaller
    return found


def _grown(mask: Mask, *, corners: bool, planar: bool) -> Mask:
    """Return a mask with its neighbours: those that share a face, or also those that share an edge or a corner."""
    grown = mask.copy()
    for axis in (1, 2) if planar else (0, 1, 2):
        before = grown.copy() if corners else mask
        own, other = np.moveaxis(grown, axis, 0), np.moveaxis(before, axis, 0)
        own[1:] |= other[:-1]
        own[:-1] |= other[1:]
    return grown


def centreline_dice(masks: Masks, *, planar: bool = False) -> float:
    """Return the harmonic mean of the shares of either skeleton that lie in the other mask (clDice).

    Skeletons are of the whole masks; of their voxels only those that count are looked at. If none of one skeleton
    counts, the share of the other alone is returned; NaN: none of either counts.

    Source: Shit et al., clDice, CVPR 2021:16560-16569.

    Args:
        masks: The masks.
        planar: Whether each slice is a mask of its own.
    """
    shares = []
    for own, other in ((masks.prediction, masks.reference), (masks.reference, masks.prediction)):
        line = skeleton(own, planar=planar) & masks.counted
        length = np.count_nonzero(line)
        if length:
            shares.append(np.count_nonzero(line & other) / length)
    if not shares:
        return np.nan
    return len(shares) / sum(1 / share for share in shares) if all(shares) else 0.0


def euler_number(mask: Mask) -> int:
    """Return the Euler number of a mask whose voxels are connected by faces, edges and corners.

    It is the number of pieces, minus holes through them, plus cavities in them: vertices - edges + faces - voxels of
    the closed cubes that the voxels are.
    """
    total = 0
    for flat in product((False, True), repeat=3):
        cells = np.pad(mask, 1)
        for axis, between in enumerate(flat):
            if between:
                turned = np.moveaxis(cells, axis, 0)
                cells = np.moveaxis(turned[:-1] | turned[1:], 0, axis)
        total += (-1) ** (3 - sum(flat)) * int(np.count_nonzero(cells))
    return total


def centre_distance(masks: Masks, spacing_mm: tuple[float, float, float]) -> float:
    """Return the distance in mm between the centroids of the counted voxels of both masks, neither of them empty."""
    centres = [np.mean(np.nonzero(mask & masks.counted), axis=1) * spacing_mm for mask in masks[:2]]
    return float(np.linalg.norm(centres[0] - centres[1]))
