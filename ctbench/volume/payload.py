"""Position and expected size of the voxel data in a NIfTI, NRRD or MetaImage file, from its header."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ctbench.errors import VolumeFileError
from ctbench.volume.inflating import CHUNK, inflated
from ctbench.volume.nifti import is_nifti_name, read_nifti_header
from ctbench.volume.textheaders import is_meta_name, read_meta_header, read_nrrd_header

__all__ = ["Payload", "find_payload", "promised_bytes"]

_VOXEL_BYTES = 8
"""Bytes of the largest voxels."""

_SIZE = re.compile(r"[0-9]{1,18}")
_NIFTI_FLOATS = {16: "f4", 64: "f8"}
_META_BYTES = {
    "MET_CHAR": 1,
    "MET_UCHAR": 1,
    "MET_SHORT": 2,
    "MET_USHORT": 2,
    "MET_INT": 4,
    "MET_UINT": 4,
    "MET_LONG_LONG": 8,
    "MET_ULONG_LONG": 8,
    "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}
_NRRD_BYTES = {
    "char": 1,
    "int8": 1,
    "short": 2,
    "int16": 2,
    "int": 4,
    "int32": 4,
    "longlong": 8,
    "long long": 8,
    "int64": 8,
    "float": 4,
    "double": 8,
}


class Payload(NamedTuple):
    """The voxel data of a file.

    Attributes:
        file: The file that holds the voxels.
        seek: Offset in the file, bytes.
        compressed: Whether the data from ``seek`` on are gzip or zlib.
        expected: Number of bytes of voxels by the header.
        skip: Offset in the inflated data, bytes.
        floats: Type of the voxels if they are floats of NIfTI, else None.
    """

    file: Path
    seek: int
    compressed: bool
    expected: int
    skip: int = 0
    floats: np.dtype[Any] | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of voxels, inflated, in chunks.

        Raises:
            VolumeFileError: Compressed data are damaged or truncated.
        """
        skip = self.skip
        with self.file.open("rb") as file:
            file.seek(self.seek)
            for chunk in inflated(file, self.file) if self.compressed else iter(partial(file.read, CHUNK), b""):
                yield chunk[skip:]
                skip = max(0, skip - len(chunk))


def find_payload(path: Path) -> Payload | None:
    """Read the header of a NIfTI (.nii, .nii.gz), MetaImage (.mha, .mhd) or NRRD file.

    Returns:
        The payload; None for encodings other than raw and gzip, and for lists of data files.

    Raises:
        VolumeFileError: The header is damaged.
    """
    if is_nifti_name(path):
        return _nifti(path)
    return _meta(path) if is_meta_name(path) else _nrrd(path)


def promised_bytes(path: Path) -> int:
    """Return the number of bytes of voxels that a header promises; of voxels of an unknown type, the most there can be.

    Args:
        path: As for `find_payload`.

    Raises:
        VolumeFileError: The header is damaged.
    """
    if is_nifti_name(path):
        return _nifti(path).expected
    if is_meta_name(path):
        return _promised_meta(path, read_meta_header(path).fields)
    return _promised_nrrd(path, read_nrrd_header(path).fields)


def _promised_meta(path: Path, fields: dict[str, str]) -> int:
    item = _META_BYTES.get(fields["ElementType"], _VOXEL_BYTES)
    return item * _product(path, f"{fields['DimSize']} {fields.get('ElementNumberOfChannels', '1')}")


def _promised_nrrd(path: Path, fields: dict[str, str]) -> int:
    return (_nrrd_item(fields) or _VOXEL_BYTES) * _product(path, fields["sizes"])


def _nrrd_item(fields: dict[str, str]) -> int | None:
    kind = fields["type"].removeprefix("unsigned ").removeprefix("signed ").removesuffix("_t").removesuffix(" int")
    return _NRRD_BYTES.get(kind, _NRRD_BYTES.get(kind.removeprefix("u")))


def _nifti(path: Path) -> Payload:
    header = read_nifti_header(path)
    compressed = path.name.lower().endswith(".gz")
    seek, skip = (0, header.start) if compressed else (header.start, 0)
    floats = np.dtype(header.order + _NIFTI_FLOATS[header.kind]) if header.kind in _NIFTI_FLOATS else None
    return Payload(path, seek, compressed, math.prod(header.sizes) * header.bits // 8, skip, floats)


def _meta(path: Path) -> Payload | None:
    fields, end = read_meta_header(path)
    axes = len(fields["DimSize"].split())
    if fields["NDims"] != str(axes):
        msg = f"{path} has {axes} sizes in its header for {fields['NDims'][:20]!r} axes; export it again"
        raise VolumeFileError(msg)
    source = fields["ElementDataFile"]
    if fields["ElementType"] not in _META_BYTES or fields.get("HeaderSize", "0") != "0" or _is_list(source):
        return None
    expected = _promised_meta(path, fields)
    compressed = fields.get("CompressedData", "False").lower() == "true"
    if source.upper() == "LOCAL":
        return Payload(path, end, compressed, expected)
    return Payload(path.parent / source, 0, compressed, expected)


def _nrrd(path: Path) -> Payload | None:
    fields, end = read_nrrd_header(path)
    source = fields.get("data file", fields.get("datafile", ""))
    offsets = {"line skip", "lineskip", "byte skip", "byteskip"} & fields.keys()
    if _nrrd_item(fields) is None or offsets or _is_list(source) or fields["encoding"] not in {"raw", "gz", "gzip"}:
        return None
    expected = _promised_nrrd(path, fields)
    compressed = fields["encoding"] != "raw"
    return Payload(path.parent / source if source else path, 0 if source else end, compressed, expected)


def _is_list(source: str) -> bool:
    return source.startswith("LIST") or "%" in source


def _product(path: Path, sizes: str) -> int:
    if not all(_SIZE.fullmatch(word) for word in sizes.split()):
        msg = f"{path} has sizes {sizes[:60]!r} in its header; expected positive integers"
        raise VolumeFileError(msg)
    return math.prod(map(int, sizes.split()))
