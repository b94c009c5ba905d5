"""Header of a NIfTI file (.nii, .nii.gz): sizes, voxel type, scale, spacing, and the placements by qform and sform."""

from __future__ import annotations

import itertools
import math
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import VolumeFileError
from ctbench.volume.inflating import inflated
from ctbench.volume.signatures import described_content, is_gzip, is_nifti

__all__ = ["NiftiHeader", "is_nifti_name", "read_nifti_header"]

_FIELDS = {
    348: (
        ("8h", 40),
        ("h", 70),
        ("h", 72),
        ("f", 108),
        ("8f", 76),
        ("2f", 112),
        ("2h", 252),
        ("6f", 256),
        ("12f", 280),
        ("b", 123),
    ),
    540: (
        ("8q", 16),
        ("h", 12),
        ("h", 14),
        ("q", 168),
        ("8d", 104),
        ("2d", 176),
        ("2i", 344),
        ("6d", 352),
        ("12d", 400),
        ("i", 500),
    ),
}
"""Length of the header of NIfTI-1 and -2 -> format and place of dim, datatype, bitpix, vox_offset, pixdim, scl_slope
and scl_inter, the codes of qform and sform, quaternion and offset, srow, and xyzt_units."""
_MAGIC = {348: (b"n+1\0", 344), 540: (b"n+2\0", 4)}
_MM_PER_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}


class NiftiHeader(NamedTuple):
    """The fields of a NIfTI header that ctbench checks itself.

    Attributes:
        sizes: Number of voxels along x, y, z and further axes.
        order: Byte order, ``<`` or ``>``.
        kind: Code of the voxel type.
        bits: Bits of a voxel.
        start: Offset of the voxels in the (inflated) file, bytes.
        pixdim: Spacing along x, y, z, in the unit of the file; ``qfac``, -1 or 1, is apart.
        qfac: Sign of the third axis of the qform.
        scale: Slope and intercept of the voxels; a slope of 0 means none.
        mm_per_unit: Millimetres of the unit of all lengths; 1 if the header states no unit.
        qform_code: 0 if there is no qform.
        sform_code: 0 if there is no sform.
        quaternion: b, c, d, and the offsets along x, y, z.
        srow: 3 x 4, the sform.
    """

    sizes: tuple[int, ...]
    order: str
    kind: int
    bits: int
    start: int
    pixdim: tuple[float, ...]
    qfac: float
    scale: tuple[float, float]
    mm_per_unit: float
    qform_code: int
    sform_code: int
    quaternion: tuple[float, ...]
    srow: NDArray[np.float64]

    @property
    def qform(self) -> NDArray[np.float64]:
        """The qform as a 3 x 4 affine (index x, y, z to RAS), in the unit of the file."""
        b, c, d = self.quaternion[:3]
        a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
        a, b, c, d = np.array([a, b, c, d]) / math.hypot(a, b, c, d)
        turned = np.array(
            [
                [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
                [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
                [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
            ]
        )
        steps = np.abs(self.pixdim) * [1, 1, self.qfac]
        return np.column_stack([turned * steps, self.quaternion[3:]])


def is_nifti_name(path: Path) -> bool:
    """Return whether a file is a NIfTI by its name."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def read_nifti_header(path: Path) -> NiftiHeader:
    """Read the header of a NIfTI-1 or -2 file.

    Raises:
        VolumeFileError: The header is damaged, or the file is compressed though its name says otherwise, or the
            reverse.
    """
    header = _header_bytes(path)
    for order, (length, fields) in itertools.product("<>", _FIELDS.items()):
        if len(header) < length or header[:4] != struct.pack(f"{order}i", length):
            continue
        dim, (kind,), (bits,), (start,), pixdim, scale, (qform_code, sform_code), quaternion, srow, (unit,) = (
            struct.unpack_from(order + form, header, at) for form, at in fields
        )
        sizes = dim[1 : dim[0] + 1]
        whole = sizes and min(sizes) > 0 and bits > 0 and length <= start < 1 << 31
        magic, at = _MAGIC[length]
        if header[at : at + 4] == magic.replace(b"+", b"i"):
            msg = f"{path} is the header of a pair of files, whose voxels are in an .img file; save both as one .nii.gz"
            raise VolumeFileError(msg)
        # Without the magic, ITK would read it as an Analyze file, which has no orientation.
        if not whole or header[at : at + 4] != magic:
            break
        return NiftiHeader(
            sizes,
            order,
            kind,
            bits,
            int(start),
            pixdim[1:4],
            -1.0 if pixdim[0] < 0 else 1.0,
            scale,
            _MM_PER_UNIT.get(unit & 7, 1.0),
            qform_code,
            sform_code,
            quaternion,
            np.reshape(srow, (3, 4)).astype(np.float64),
        )
    raise _not_nifti(path, "its header is damaged or truncated; export it again")


def _header_bytes(path: Path) -> bytes:
    compressed = path.name.lower().endswith(".gz")
    with path.open("rb") as file:
        start = file.read(max(_FIELDS))
        if compressed and not is_gzip(start) and is_nifti(start):
            renamed = path.name[: -len(".gz")]
            msg = f"{path} is not gzip data although its name ends in .gz: its content is an uncompressed NIfTI; "
            msg += f"rename it to {renamed}"
            raise VolumeFileError(msg)
        if not compressed and is_gzip(start):
            raise _not_nifti(path, f"its content is gzip data, as in .nii.gz; rename it to {path.name}.gz")
        content = "" if is_gzip(start) or is_nifti(start) else described_content(path)
        if content:
            raise _not_nifti(path, f"its content is {content}")
        file.seek(0)
        return next(inflated(file, path), b"") if compressed else start


def _not_nifti(path: Path, why: str) -> VolumeFileError:
    return VolumeFileError(f"{path} is not a NIfTI file: {why}")
