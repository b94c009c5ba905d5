"""Volumes of a case for the viewer in the browser: the image in a window, and masks of a rater's errors."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.report.drawings.overlays import COLOURS, grey
from ctbench.report.drawings.scene import Scene
from ctbench.report.drawings.slices import whole_range
from ctbench.volume import write_volume

__all__ = ["Masks", "error_masks", "nifti_image"]


class Masks(NamedTuple):
    """A mask for a viewer.

    Attributes:
        name: A key of ``COLOURS``.
        data: A compressed NIfTI of 0 and 1.
    """

    name: str
    data: bytes


def nifti_image(scene: Scene, window: tuple[float, float] | None) -> bytes:
    """Return the image in a window (level and width) as a compressed NIfTI of 0 to 255, in the patient's space.

    Args:
        scene: The case.
        window: Level and width; None: the darkest and the brightest hundredth of the image are black and white.
    """
    return _nifti(scene, grey(scene.image.array, window or whole_range(scene))[..., 0])


def error_masks(scene: Scene, rater: str, reference: str, structures: Sequence[str]) -> tuple[Masks, ...]:
    """Return a mask of each kind of agreement or error that occurs among the counted voxels.

    Raises:
        KeyError: The scene has no drawing of this rater.
    """
    found = scene.mistakes(rater, reference, structures)
    masks = {name: getattr(found, name.replace(" ", "_")) for name in COLOURS}
    return tuple(Masks(name, _nifti(scene, mask.astype(np.uint8))) for name, mask in masks.items() if mask.any())


def _nifti(scene: Scene, array: NDArray[np.uint8]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="ctbench-") as folder:
        path = Path(folder) / "volume.nii.gz"
        write_volume(scene.image.with_array(array), path)
        return path.read_bytes()
