"""Fusion of the labels of registered atlases: majority, STAPLE, and joint label fusion (Wang et al. 2013).

An atlas votes where its label is known. Where none votes, the nearest voxel with votes decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctbench.consensus import fuse

__all__ = ["UNKNOWN", "Fusion", "fused", "joint_weights"]

UNKNOWN = 255
"""Class of a voxel that nobody labelled; a voxel outside an atlas is background."""

Fusion = Literal["majority", "staple", "joint"]
Classes = NDArray[np.uint8]

_ALPHA, _BETA, _RADIUS = 0.1, 2.0, 2
"""Wang et al. 2013 (doi 10.1109/TPAMI.2012.143): their regularisation, exponent, and patches of 5 x 5 x 5 voxels."""
_AT_ONCE = 4096


def fused(
    labels: NDArray[np.uint8], intensities: NDArray[np.float32], scan: NDArray[np.float32], how: Fusion, classes: int
) -> Classes:
    """Return the class of each voxel of the scan.

    Args:
        labels: atlas,z,y,x classes, 0 background; ``UNKNOWN`` where an atlas has no label.
        intensities: atlas,z,y,x of the registered atlases; read by ``joint`` alone.
        scan: z,y,x; read by ``joint`` alone.
        how: majority: the class with most votes, the lowest of equals. staple: expectation-maximisation over the voxels
            that all atlases label; majority elsewhere and where it cannot decide. joint: votes weighted by the expected
            joint errors of each pair of atlases.
        classes: Number of classes, background included.
    """
    votes = np.stack([(labels == one).sum(axis=0, dtype=np.float32) for one in range(classes)])
    if how == "joint":
        _weigh(votes, labels, intensities, scan)
    found: Classes = votes.argmax(axis=0).astype(np.uint8)
    known = (labels != UNKNOWN).any(axis=0)
    if how == "staple":
        _put_staple(found, labels)
    if known.all() or not known.any():
        return found
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled: Classes = found[tuple(nearest)]
    return filled


def joint_weights(differences: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the weight of each atlas at each voxel; they sum to 1 and may be negative.

    Args:
        differences: voxel,atlas,patch: absolute differences between the normalised patches of atlas and scan.
    """
    errors = np.einsum("vip,vjp->vij", differences, differences).astype(np.float64) ** _BETA
    errors += _ALPHA * np.eye(errors.shape[1])
    weights = np.linalg.solve(errors, np.ones((*errors.shape[:2], 1)))[..., 0]
    normed: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normed


def _weigh(
    votes: NDArray[np.float32], labels: NDArray[np.uint8], intensities: NDArray[np.float32], scan: NDArray[np.float32]
) -> None:
    """Replace the votes by weighted ones where the atlases disagree; an atlas without a label has none."""
    disputed = np.argwhere((votes > 0).sum(axis=0) > 1)
    here = np.pad(scan, _RADIUS, mode="edge")
    there = np.pad(intensities, [(0, 0), *[(_RADIUS, _RADIUS)] * 3], mode="edge")
    for voxels in _pieces(disputed):
        z, y, x = voxels.T
        target = _normalized(_patches(here[None], voxels))
        weights = joint_weights(np.abs(_normalized(_patches(there, voxels)) - target))
        said = labels[:, z, y, x].T
        for one in range(len(votes)):
            votes[one, z, y, x] = np.where(said == one, weights, 0).sum(axis=1)


def _patches(padded: NDArray[np.float32], voxels: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the patches around some voxels: voxel,image,patch."""
    side = np.arange(2 * _RADIUS + 1)
    dz, dy, dx = (one.ravel() for one in np.meshgrid(side, side, side, indexing="ij"))
    z, y, x = (voxels[:, axis, None] + step for axis, step in enumerate((dz, dy, dx)))
    return padded[:, z, y, x].swapaxes(0, 1)


def _normalized(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return patches with a mean of 0 and an SD of 1; flat ones stay 0."""
    centred = patches - patches.mean(axis=-1, keepdims=True)
    sd = centred.std(axis=-1, keepdims=True)
    normal: NDArray[np.float32] = centred / np.where(sd > 1e-3, sd, np.inf)
    return normal


def _pieces(voxels: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(voxels), _AT_ONCE):
        yield voxels[start : start + _AT_ONCE]


def _put_staple(found: Classes, labels: NDArray[np.uint8]) -> None:
    """Replace classes by those of STAPLE where all atlases have a label and it can decide."""
    full = (labels != UNKNOWN).all(axis=0)
    if not full.any():
        return
    maps = {f"atlas-{number}": one[full][None, None].astype(np.int32) for number, one in enumerate(labels)}
    reference = fuse(maps, method="staple")
    sure = ~reference.excluded[0, 0]
    found[full] = np.where(sure, reference.labels[0, 0], found[full])
