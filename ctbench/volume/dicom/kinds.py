"""Kind of a DICOM file (SEG, RTSTRUCT, or an image), by the SOP class at its start."""

from __future__ import annotations

import re
from pathlib import Path

from ctbench.errors import VolumeFileError

__all__ = ["RTSTRUCT", "SEG", "expect_not_deflated", "kind_of", "kind_of_start"]

SEG = "DICOM SEG"
RTSTRUCT = "DICOM RTSTRUCT"

_CLASSES = {
    b"1.2.840.10008.5.1.4.1.1.66.4": SEG,
    b"1.2.840.10008.5.1.4.1.1.66.7": SEG,  # label map segmentation
    b"1.2.840.10008.5.1.4.1.1.481.3": RTSTRUCT,
}
_STORAGE = re.compile(rb"1\.2\.840\.10008\.5\.1\.4\.1\.1\.[0-9.]+")
_START = 1024
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_HEADER_BYTES = 1 << 20


def kind_of(path: Path) -> str | None:
    """Return ``SEG`` or ``RTSTRUCT`` for a DICOM file with segments; None for any other file and for a folder."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return kind_of_start(file.read(_START))


def kind_of_start(start: bytes) -> str | None:
    """Return the kind of a file from its first 1024 bytes, as ``kind_of``."""
    found = _STORAGE.search(start)
    return _CLASSES.get(found[0]) if found else None


def expect_not_deflated(path: Path) -> None:
    """Check that a DICOM file is not compressed as a whole: nothing bounds what it would inflate to.

    Raises:
        VolumeFileError: Its transfer syntax is Deflated.
    """
    with path.open("rb") as file:
        if _DEFLATED in file.read(_HEADER_BYTES):
            msg = f"{path} is DICOM with the transfer syntax Deflated; export it uncompressed or with RLE"
            raise VolumeFileError(msg)
