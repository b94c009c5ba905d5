"""Volumes of a case for the viewer in the browser: the image in a window, and a rater's errors in colours."""

from __future__ import annotations

import gzip
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ctbench.report.drawings.colours import ERROR_COLOURS
from ctbench.report.drawings.overlays import grey
from ctbench.report.drawings.scene import Scene
from ctbench.report.drawings.slices import whole_range
from ctbench.volume import write_volume

__all__ = ["nifti_errors", "nifti_image"]

_HEAD, _DATATYPE_AT, _RGBA32 = 352, 70, 2304
"""NIfTI-1: bytes before the voxels, place of datatype and bits per voxel, and the code of RGBA."""


def nifti_image(scene: Scene, window: tuple[float, float] | None) -> bytes:
    """Return the image in a window (level and width) as a compressed NIfTI of 0 to 255, in the patient's space.

    Args:
        scene: The case.
        window: Level and width; None: the darkest and the brightest hundredth of the image are black and white.
    """
    return _nifti(scene, grey(scene.image.array, window or whole_range(scene.image.array))[..., 0])


def nifti_errors(scene: Scene, rater: str, reference: str, structures: Sequence[str]) -> bytes:
    """Return agreement and errors among the counted voxels as a compressed NIfTI in ``ERROR_COLOURS``, RGBA.

    Voxels without either are transparent, others opaque.

    Raises:
        KeyError: The scene has no drawing of this rater.
    """
    found = scene.mistakes(rater, reference, structures)
    kinds = np.zeros(found.uncounted.shape, np.uint8)
    for kind, name in enumerate(ERROR_COLOURS, 1):
        kinds[getattr(found, name.replace(" ", "_"))] = kind
    # The file has the axes of the image's file: its voxels are painted in the order in which they stand there.
    plain = gzip.decompress(_nifti(scene, kinds))
    head = bytearray(plain[:_HEAD])
    struct.pack_into("<hh", head, _DATATYPE_AT, _RGBA32, 32)
    shades = np.array([(0, 0, 0, 0), *((*rgb, 255) for rgb in ERROR_COLOURS.values())], np.uint8)
    painted = shades[np.frombuffer(plain, np.uint8, offset=_HEAD)]
    return gzip.compress(bytes(head) + painted.tobytes(), mtime=0)


def _nifti(scene: Scene, array: NDArray[np.uint8]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="ctbench-") as folder:
        path = Path(folder) / "volume.nii.gz"
        write_volume(scene.image.with_array(array), path)
        return path.read_bytes()
