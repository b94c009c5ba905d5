"""Bounds of what compressed data may unpack to, checked before memory is taken: a small file may promise any size."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ctbench.errors import DataError

__all__ = ["expect_believable", "expect_bounded_archive"]

_MOST_BYTES = 1 << 30
"""Bytes that any file may unpack to."""
_MOST_RATIO = 200
"""Bytes for each stored one above that; a CT of the head has about 3, a map of zeros 1000."""


def expect_believable(where: str, promised: int, stored: int, error: type[DataError] = DataError) -> None:
    """Check that data do not unpack to gigabytes of nothing.

    Args:
        where: Name of the data in the message.
        promised: Bytes that they unpack to, by their header.
        stored: Bytes of their files.
        error: Class of the error.

    Raises:
        DataError: They unpack to over 1 GiB, and to over 200 bytes for each one that is stored.
    """
    if promised > max(_MOST_BYTES, _MOST_RATIO * stored):
        msg = (
            f"{where} would unpack from {stored / 2**20:.3g} MiB to {promised / 2**30:.3g} GiB; expected at most "
            f"{_MOST_RATIO} to 1 above 1 GiB. If the data are real, store them uncompressed"
        )
        raise error(msg)


def expect_bounded_archive(path: Path) -> None:
    """Check a ZIP archive (.npz, .pt) as a whole by `expect_believable`; any other or damaged file passes.

    Raises:
        DataError: It unpacks to gigabytes of nothing.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            promised = sum(item.file_size for item in archive.infolist())
    except (zipfile.BadZipFile, OSError):  # what reads it says why it cannot
        return
    expect_believable(str(path), promised, path.stat().st_size)
