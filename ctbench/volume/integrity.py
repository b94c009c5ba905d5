"""Does a file hold the voxels that its header promises?

ITK fills what a truncated NIfTI lacks, reads no further than its header says, and makes 0 of NaN and infinity in NIfTI,
all without a word. So the bytes are looked at first; compressed ones are inflated for that, which also checks the
checksums of gzip.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import MissingFileError, VolumeFileError
from ctbench.volume.payload import Payload, find_payload

__all__ = ["check_finite", "check_integrity"]

_MOST_SURPLUS = 1 << 26
"""How many bytes too many are counted: a small file may stand for any number of them."""


def check_integrity(path: Path) -> None:
    """Refuse a NIfTI, NRRD or MetaImage file that is empty, damaged, or of another size than its header says.

    Data files apart from a header (``.nhdr``, ``.mhd``) are checked too, where there is one of them; what
    ``find_payload`` does not know is left to ITK.

    Raises:
        VolumeFileError: as above, or a NIfTI with NaN or infinite voxels.
        MissingFileError: the data file that a header names is not there.
    """
    if path.stat().st_size == 0:
        msg = f"{path} is empty (0 bytes); copy or export it again"
        raise VolumeFileError(msg)
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
    """Count the bytes of voxels, and those voxels that are no finite numbers."""
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
    """Refuse voxels that are NaN or infinite.

    Raises:
        VolumeFileError: with their number.
    """
    _expect_none(_not_finite(array) if array.dtype.kind == "f" else 0, path)


def _not_finite(array: NDArray[Any]) -> int:
    return array.size - int(np.count_nonzero(np.isfinite(array)))


def _expect_none(bad: int, path: Path) -> None:
    if bad:
        msg = f"{path} has {bad} voxels that are NaN or infinite; replace them, e.g. by the value of air"
        raise VolumeFileError(msg)
