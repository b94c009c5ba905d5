"""Averaging of extracted brains to the template that comes with the package."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ctbench.volume import Volume, from_itk, to_itk
from ctbench.volume.itk import simpleitk
from reference_models.scans.space import EXTENT_MM, TemplateSpace

__all__ = ["mean_brain"]

_SPACING_MM = 1.5


def mean_brain(brains: Sequence[Volume], rounds: int = 2) -> Volume:
    """Return the mean of extracted brains, registered first to one of them, then to the mean of the round before.

    Args:
        brains: HU inside the brain, 0 outside.
        rounds: Number of times that all brains are registered.

    Returns:
        int16, 128 voxels of 1.5 mm a side, the mean's centre of mass in the middle.
    """
    mean = _centred(brains[0])
    for _ in range(rounds):
        spaces = [TemplateSpace.of(brain, mean, _SPACING_MM) for brain in brains]
        moved = [space.to_template(brain.array) for space, brain in zip(spaces, brains, strict=True)]
        mean = _centred(spaces[0].grid.with_array(np.mean(moved, axis=0)))
    return mean.with_array(np.round(mean.array).astype(np.int16))


def _centred(brain: Volume) -> Volume:
    """Return a brain in a cube, with its centre of mass in the middle."""
    sitk = simpleitk()

    mass = np.argwhere(brain.array > 0).mean(axis=0)
    centre = np.array(brain.origin_mm) + brain.direction @ (mass * brain.spacing_mm)
    size = round(EXTENT_MM / _SPACING_MM)
    corner = -(size - 1) / 2 * _SPACING_MM
    cube = Volume(np.zeros((size,) * 3, np.uint8), (_SPACING_MM,) * 3, (corner,) * 3)
    shift = sitk.TranslationTransform(3, tuple(centre[::-1].tolist()))
    return from_itk(sitk.Resample(to_itk(brain), to_itk(cube), shift, sitk.sitkLinear, 0.0))
