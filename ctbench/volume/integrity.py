"""Check that a volume file is complete: not empty, truncated, too long, damaged, or with NaN or infinite voxels.

ITK pads a truncated NIfTI, ignores surplus data, and reads NaN and infinity in NIfTI as 0, without an error. So the
bytes are counted before ITK reads them; compressed data are inflated, which also verifies the checksums of gzip.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import MissingFileError, VolumeFileError
from ctbench.volume.bounds import expect_bounded
from ctbench.volume.payload import Payload, find_payload

__all__ = ["check_finite", "check_integrity"]

_MOST_SURPLUS = 1 << 26
"""Surplus bytes after which counting stops: a small compressed file may inflate to any size."""


def check_integrity(path: Path, shape: tuple[int, ...] | None = None, layers: int = 1) -> None:
    """Raise unless the size of a NIfTI, NRRD or MetaImage file is that of its header.

    The separate data file of a header (``.nhdr``, ``.mhd``) is checked too, if there is a single one. Files for which
    ``find_payload`` returns None are left to ITK; `expect_bounded` bounds what they unpack to.

    Args:
        path: The file.
        shape: As for `expect_bounded`.
        layers: As for `expect_bounded`.

    Raises:
        VolumeFileError: The file is empty, damaged, truncated or too long, unpacks to gigabytes of nothing, or a NIfTI
            has NaN or infinite voxels.
        MissingFileError: The data file named by a header does not exist.
    """
    if path.stat().st_size == 0:
        msg = f"{path} is empty (0 bytes); copy or export it again"
        raise VolumeFileError(msg)
    expect_bounded(path, shape, layers)
    payload = find_payload(path)
    if payload is None:
        return
    if not payload.file.is_file():
        msg = f"there is no file {payload.file}, which {path} names as its data; copy both"
        raise MissingFileError(msg)
    found, bad = _counted(payload)
    if found != payload.expected:
        what = "truncated" if found < payload.expected else "longer than its header says"
        msg = f"{path} is {what}: its header promises {payload.expected} bytes of voxels, got {found}; copy it again"
        raise VolumeFileError(msg)
    _expect_none(bad, path)


def _counted(payload: Payload) -> tuple[int, int]:
    """Return the number of bytes of voxels, and the number of voxels that are not finite."""
    if not payload.compressed and payload.floats is None:
        return max(0, payload.file.stat().st_size - payload.seek), 0
    found, bad, left = 0, 0, b""
    for chunk in payload.chunks():
        found += len(chunk)
        if found > payload.expected + _MOST_SURPLUS:
            break
        if payload.floats is not None:
            data = left + chunk
            whole = len(data) - len(data) % payload.floats.itemsize
            bad += _not_finite(np.frombuffer(data[:whole], payload.floats))
            left = data[whole:]
    return found, bad


def check_finite(array: NDArray[Any], path: Path) -> None:
    """Raise if voxels are NaN or infinite.

    Raises:
        VolumeFileError: Some are; the message contains their number.
    """
    _expect_none(_not_finite(array) if array.dtype.kind == "f" else 0, path)


def _not_finite(array: NDArray[Any]) -> int:
    return array.size - int(np.count_nonzero(np.isfinite(array)))


def _expect_none(bad: int, path: Path) -> None:
    if bad:
        msg = f"{path} has {bad} voxels that are NaN or infinite; replace them, e.g. by the value of air"
        raise VolumeFileError(msg)
