"""Bounds of the voxels that the header of a file may promise, checked before any of them is read."""

from __future__ import annotations

import math
from pathlib import Path

from ctbench.errors import VolumeFileError
from ctbench.unpacking import expect_believable
from ctbench.volume.payload import find_payload, promised_bytes

__all__ = ["expect_bounded", "expect_no_more_voxels"]

_VOXEL_BYTES = 8
"""Bytes of the largest voxels."""


def expect_bounded(path: Path, shape: tuple[int, ...] | None = None, layers: int = 1) -> None:
    """Check that a NIfTI, NRRD or MetaImage file does not promise far more than it can hold.

    Args:
        path: The file.
        shape: Shape of the image on whose grid the file should lie; as many voxels are allowed, however few bytes they
            take. None (default): there is no such image.
        layers: How many numbers per voxel of that image are allowed.

    Raises:
        VolumeFileError: The header promises more than an image of that shape has, and gigabytes of nothing
            (`expect_believable`); or it is damaged.
    """
    payload, promised = find_payload(path), promised_bytes(path)
    file = path if payload is None or not payload.file.is_file() else payload.file
    if shape is None or promised > _most_bytes(shape) * layers:
        expect_believable(str(path), promised, file.stat().st_size, VolumeFileError)


def expect_no_more_voxels(path: Path, shape: tuple[int, ...]) -> None:
    """Check that the header of a file promises no more voxels than an image of some shape has.

    Args:
        path: A NIfTI, NRRD or MetaImage file.
        shape: Number of voxels along each axis.

    Raises:
        VolumeFileError: It promises more, or its header is damaged.
    """
    promised, most = promised_bytes(path), _most_bytes(shape)
    if promised > most:
        msg = f"the header of {path} promises {promised} bytes of voxels; expected at most {most} for {shape}"
        raise VolumeFileError(msg)


def _most_bytes(shape: tuple[int, ...]) -> int:
    return math.prod(shape) * _VOXEL_BYTES
