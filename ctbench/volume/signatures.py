"""Recognise a file format by the first bytes of a file, whatever its name says."""

from __future__ import annotations

import struct
from pathlib import Path

__all__ = ["SIGNATURE_BYTES", "described_content", "is_gzip", "is_nifti"]

SIGNATURE_BYTES = 540
"""Number of bytes at the start of a file that decide its format."""

_STARTS = {
    b"NRRD": "a NRRD file (.nrrd)",
    b"ObjectType": "a MetaImage file (.mha)",
    b"NDims": "a MetaImage file (.mha)",
    b"\x89HDF\r\n": "an HDF5 file (MINC, MATLAB or Keras)",
    b"PK\x03\x04": "a ZIP archive; unpack it",
    b"\x93NUMPY": "a NumPy array (.npy)",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"<": "a web page or XML, perhaps the error page of a failed download",
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file with git lfs pull",
    b"/annex/": "a pointer of git-annex; fetch the file with git annex get",
}


def is_gzip(start: bytes) -> bool:
    """Return whether data begin as gzip data do."""
    return start.startswith(b"\x1f\x8b")


def is_nifti(start: bytes) -> bool:
    """Return whether data begin with the header of a NIfTI-1 or -2 file, with its voxels in the same file or not."""
    lengths = {struct.pack(f"{order}i", length): length for order in "<>" for length in (348, 540)}
    length = lengths.get(start[:4])
    magic = start[344:348] if length == 348 else start[4:8] if length == 540 else b""
    return magic in {b"n+1\0", b"ni1\0", b"n+2\0", b"ni2\0"}


def described_content(path: Path) -> str:
    """Return the format of a file in words, by its first bytes; empty if they are unknown."""
    with path.open("rb") as file:
        start = file.read(SIGNATURE_BYTES)
    if is_nifti(start):
        return "a NIfTI file that is not compressed (.nii)"
    if is_gzip(start):
        return "gzip data, as in .nii.gz"
    if start[128:132] == b"DICM":
        return "a DICOM file; use the folder of its series"
    return next((name for signature, name in _STARTS.items() if start.lstrip().startswith(signature)), "")
