"""Position and expected size of the voxel data in a NIfTI, NRRD or MetaImage file, from its header."""

from __future__ import annotations

import itertools
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import VolumeFileError

__all__ = ["Payload", "find_payload"]

_CHUNK = 1 << 16
_SIZE = re.compile(r"[0-9]{1,18}")
_NIFTI_FIELDS = {
    348: (("8h", 40), ("h", 70), ("h", 72), ("f", 108), ("8f", 76), ("2h", 252), ("6f", 256), ("12f", 280)),
    540: (("8q", 16), ("h", 12), ("h", 14), ("q", 168), ("8d", 104), ("2i", 344), ("6d", 352), ("12d", 400)),
}
"""Length of the header of NIfTI-1 and -2 -> format and place of dim, datatype, bitpix, vox_offset, pixdim, the codes of
qform and sform, quaternion and offset, and srow."""
_NIFTI_MAGIC = {348: (b"n+1\0", 344), 540: (b"n+2\0", 4)}
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
_META_PLACES = (
    "ElementSpacing",
    "ElementSize",
    "Offset",
    "Origin",
    "Position",
    "Orientation",
    "Rotation",
    "TransformMatrix",
)
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
            for chunk in _inflated(file, self.file) if self.compressed else iter(partial(file.read, _CHUNK), b""):
                yield chunk[skip:]
                skip = max(0, skip - len(chunk))


def find_payload(path: Path) -> Payload | None:
    """Read the header of a NIfTI (.nii, .nii.gz), MetaImage (.mha, .mhd) or NRRD file.

    Returns:
        The payload; None for encodings other than raw and gzip, and for lists of data files.

    Raises:
        VolumeFileError: The header is damaged.
    """
    if path.name.lower().endswith((".nii", ".nii.gz")):
        return _nifti(path)
    return _meta(path) if path.suffix.lower() in {".mha", ".mhd"} else _nrrd(path)


def _nifti(path: Path) -> Payload:
    compressed = path.name.lower().endswith(".gz")
    with path.open("rb") as file:
        header = next(_inflated(file, path), b"") if compressed else file.read(max(_NIFTI_FIELDS))
    for order, (length, fields) in itertools.product("<>", _NIFTI_FIELDS.items()):
        if len(header) < length or header[:4] != struct.pack(f"{order}i", length):
            continue
        dim, (kind,), (bits,), (start,), pixdim, (has_qform, has_sform), qform, srow = (
            struct.unpack_from(order + form, header, at) for form, at in fields
        )
        sizes = dim[1 : dim[0] + 1]
        whole = sizes and min(sizes) > 0 and bits > 0 and length <= start < 1 << 31
        magic, at = _NIFTI_MAGIC[length]
        # Without the magic, ITK would read it as an Analyze file, which has no orientation.
        if not whole or header[at : at + 4] != magic:
            break
        _expect_finite(path, pixdim[1:4], *([qform] if has_qform else []), *([srow] if has_sform else []))
        if has_sform:
            _expect_one_spacing(path, pixdim[1:4], np.reshape(srow, (3, 4))[:, :3])
        seek, skip = (0, int(start)) if compressed else (int(start), 0)
        floats = np.dtype(order + _NIFTI_FLOATS[kind]) if kind in _NIFTI_FLOATS else None
        return Payload(path, seek, compressed, math.prod(sizes) * bits // 8, skip, floats)
    msg = f"{path} is not a NIfTI file: its header is damaged or truncated; export it again"
    raise VolumeFileError(msg)


def _expect_finite(path: Path, *places: Sequence[float]) -> None:
    """Raise unless spacings, origins and directions are finite: ITK reads some NaN as 0."""
    if not all(math.isfinite(value) for place in places for value in place):
        msg = f"{path} has NaN or infinity in the geometry of its header; export it again"
        raise VolumeFileError(msg)


def _expect_one_spacing(path: Path, spacing: tuple[float, ...], axes: NDArray[np.float64]) -> None:
    """Raise if the two spacings of a header differ: ITK uses pixdim, other software the sform."""
    by_sform = np.linalg.norm(axes, axis=0)
    if not np.allclose(by_sform, np.abs(spacing), rtol=1e-3, atol=1e-3):
        pixdim, sform = (", ".join(f"{value:.5g}" for value in values) for values in (spacing, by_sform))
        msg = f"{path} has two spacings in its header: pixdim {pixdim} and sform {sform} (x, y, z); correct one of them"
        raise VolumeFileError(msg)


def _meta(path: Path) -> Payload | None:
    fields, end = _text_header(path, "=", is_last=lambda line: line.startswith(b"ElementDataFile"))
    _expect_fields(path, fields, "MetaImage", "NDims", "DimSize", "ElementType", "ElementDataFile")
    axes = len(fields["DimSize"].split())
    if fields["NDims"] != str(axes):
        msg = f"{path} has {axes} sizes in its header for {fields['NDims'][:20]!r} axes; export it again"
        raise VolumeFileError(msg)
    _expect_finite(path, *(_numbers(path, fields[name]) for name in _META_PLACES if name in fields))
    item, source = _META_BYTES.get(fields["ElementType"]), fields["ElementDataFile"]
    if item is None or fields.get("HeaderSize", "0") != "0" or _is_list(source):
        return None
    channels = fields.get("ElementNumberOfChannels", "1")
    expected = item * _product(path, f"{fields['DimSize']} {channels}")
    compressed = fields.get("CompressedData", "False").lower() == "true"
    if source.upper() == "LOCAL":
        return Payload(path, end, compressed, expected)
    return Payload(path.parent / source, 0, compressed, expected)


def _nrrd(path: Path) -> Payload | None:
    fields, end = _text_header(path, ":", is_last=lambda line: not line.strip())
    _expect_fields(path, fields, "NRRD", "type", "sizes", "encoding")
    kind = fields["type"].removeprefix("unsigned ").removeprefix("signed ").removesuffix("_t")
    item = _NRRD_BYTES.get(kind, _NRRD_BYTES.get(kind.removeprefix("u")))
    source = fields.get("data file", fields.get("datafile", ""))
    offsets = {"line skip", "lineskip", "byte skip", "byteskip"} & fields.keys()
    if item is None or offsets or _is_list(source) or fields["encoding"] not in {"raw", "gz", "gzip"}:
        return None
    expected = item * _product(path, fields["sizes"])
    compressed = fields["encoding"] != "raw"
    return Payload(path.parent / source if source else path, 0 if source else end, compressed, expected)


def _text_header(path: Path, separator: str, is_last: Callable[[bytes], bool]) -> tuple[dict[str, str], int]:
    """Return the ``key separator value`` lines of a header, and the offset of its end."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        # Limit the length: a file without a header may have no line ends.
        while line := file.readline(_CHUNK):
            key, _, value = line.decode("latin-1").partition(separator)
            fields[key.strip()] = value.strip()
            if is_last(line):
                break
        return fields, file.tell()


def _is_list(source: str) -> bool:
    return source.startswith("LIST") or "%" in source


def _expect_fields(path: Path, fields: dict[str, str], kind: str, *names: str) -> None:
    missing = [name for name in names if not fields.get(name)]
    if missing:
        msg = f"{path} is not a {kind} file: its header lacks {', '.join(missing)}; export it again"
        raise VolumeFileError(msg)


def _product(path: Path, sizes: str) -> int:
    if not all(_SIZE.fullmatch(word) for word in sizes.split()):
        msg = f"{path} has sizes {sizes[:60]!r} in its header; expected positive integers"
        raise VolumeFileError(msg)
    return math.prod(map(int, sizes.split()))


def _numbers(path: Path, text: str) -> list[float]:
    try:
        return [float(word) for word in text.split()]
    except ValueError as error:
        msg = f"{path} has {text[:60]!r} in its header, where numbers should be; export it again"
        raise VolumeFileError(msg) from error


def _inflated(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Inflate gzip or zlib members until the end of the file; zeros after them are padding."""
    inflater = zlib.decompressobj(wbits=47)
    try:
        while chunk := file.read(_CHUNK):
            while chunk:
                yield inflater.decompress(chunk)
                chunk = inflater.unused_data.lstrip(b"\0")
                if chunk:
                    inflater = zlib.decompressobj(wbits=47)
    except zlib.error as error:
        msg = f"{path} is damaged: its compressed data cannot be inflated ({error}); copy or export it again"
        raise VolumeFileError(msg) from error
    if not inflater.eof:
        msg = f"{path} is truncated: its compressed data ends early; copy or export it again"
        raise VolumeFileError(msg)
