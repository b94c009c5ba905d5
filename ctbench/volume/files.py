"""Volumes and label maps in files: NIfTI, NRRD, MetaImage and folders of DICOM."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import LabelError, MissingFileError, StoreError, UsageError, VolumeFileError
from ctbench.files import whole_file
from ctbench.volume.dicom import read_dicom, read_dicom_geometry
from ctbench.volume.geometry import Geometry, Volume, check_same_grid
from ctbench.volume.integrity import check_finite, check_integrity
from ctbench.volume.itk import last_line, quiet_itk, read_file, read_file_geometry, simpleitk, to_itk
from ctbench.volume.payload import find_payload

__all__ = ["CodeCheck", "check_file", "read_geometry", "read_label_map", "read_volume", "write_volume"]

PathLike = str | os.PathLike[str]

_READ = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
_WRITE = (".nii.gz", ".nii", ".nrrd", ".mha")


class CodeCheck(Protocol):
    """What knows the codes of a label map, e.g. ``ctbench.LabelSet``."""

    def check(self, array: NDArray[np.integer[Any]], where: str) -> None:
        """Raise ``LabelError``, which calls the array ``where``, if it holds an unknown code."""


def read_volume(path: PathLike, *, series: str | None = None) -> Volume:
    """Read a 3D volume from a NIfTI, NRRD or MetaImage file, or from a folder of DICOM files.

    The dtype is the stored one; a scale in the file (NIfTI's slope, DICOM's rescale to HU) is applied. A fourth axis of
    length 1 is dropped.

    Args:
        path: a file ending in .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd, or a folder.
        series: which series of a DICOM folder: its SeriesInstanceUID or a part of its description.
            See ``ctbench.volume.dicom.read_dicom`` for the rule.

    Raises:
        MissingFileError: nothing at ``path``, or a header's data file is gone.
        VolumeFileError: empty, truncated, damaged, of another size than its header says, not 3D, of several numbers
            per voxel, on axes that are not orthonormal, with NaN or infinite voxels, of an unknown suffix, or not
            readable for this user.
        UsageError: ``series`` with a file.
    """
    path = Path(path)
    with _opening(path, series):
        if path.is_dir():
            return read_dicom(path, series)
        check_integrity(path)
        volume = read_file(path)
        check_finite(volume.array, path)
        return volume


def read_geometry(path: PathLike, *, series: str | None = None) -> Geometry:
    """Read where a volume lies, without its voxels: of the header of a file, or of the headers of DICOM slices.

    Nothing is said of the voxels, which may be damaged or cut off. Arguments and errors are those of ``read_volume``.
    """
    path = Path(path)
    with _opening(path, series):
        return read_dicom_geometry(path, series) if path.is_dir() else read_file_geometry(path)


def check_file(path: PathLike) -> None:
    """See that a file holds the voxels that its header promises, which is quicker than to read them as a volume.

    Of a folder nothing is seen. Errors are those of ``read_volume``.
    """
    path = Path(path)
    with _opening(path, None):
        if path.is_file():
            check_integrity(path)


def read_label_map(
    path: PathLike, *, labels: CodeCheck | None = None, image: Geometry | None = None, image_name: str = "its image"
) -> Volume:
    """Read a label map as the integers that it is stored in.

    Args:
        path: as for ``read_volume``.
        labels: the label set (``ctbench.LabelSet``) that the codes must be of; None: any codes.
        image: the grid that the label map must lie on; None: any grid.
        image_name: what to call the image in messages.

    Raises:
        LabelError: stored as floats, or with codes that ``labels`` does not know.
        GeometryError: on another grid than ``image``.
        MissingFileError, VolumeFileError: as for ``read_volume``.
    """
    volume = read_volume(path)
    if volume.array.dtype.kind not in "iu":
        msg = (
            f"label map {path} is stored as {volume.array.dtype}, or with a scale; expected integers. "
            f"Round it and save it as uint8 or int16 without a scale"
        )
        raise LabelError(msg)
    if image is not None:
        check_same_grid(volume.geometry, image, found_name=f"label map {path}", expected_name=image_name)
    if labels is not None:
        labels.check(volume.array, f"label map {path}")
    return volume


def write_volume(volume: Volume, path: PathLike) -> None:
    """Write a volume, whole or not at all, in the format that the suffix names; bool is written as uint8.

    The same volume always gives the same bytes, so that digests of files can be compared. NIfTI keeps its geometry in
    32-bit floats; NRRD and MetaImage keep all of it.

    Args:
        volume: the volume.
        path: ends in .nii, .nii.gz, .nrrd or .mha.

    Raises:
        VolumeFileError: another suffix.
        DataError: a dtype that image files do not know.
        StoreError: the folder cannot be written.
    """
    path = Path(path)
    _expect_suffix(path, _WRITE, "choose one of these formats")
    sitk = simpleitk()
    image = to_itk(volume)
    with whole_file(path) as temporary, quiet_itk():
        try:
            sitk.WriteImage(image, str(temporary), useCompression=True)
        except RuntimeError as error:
            msg = f"cannot write {path}: {last_line(error)}; is the disk full?"
            raise StoreError(msg) from error
        _expect_whole(temporary, path)


def _expect_whole(written: Path, path: Path) -> None:
    """Look at what was written, because ITK says nothing when a disk that is full cuts a NIfTI short."""
    try:
        payload = find_payload(written)
        whole = payload is None or sum(map(len, payload.chunks())) == payload.expected
    except VolumeFileError:
        whole = False
    if not whole:
        msg = f"cannot write {path}: only a part of it could be written; free some space"
        raise StoreError(msg)


@contextmanager
def _opening(path: Path, series: str | None) -> Iterator[None]:
    """Refuse what cannot be a volume before anything is read of it; say it of the file where it may not be read."""
    if not path.exists():
        msg = f"there is no file {path}; check the path"
        raise MissingFileError(msg)
    if not path.is_dir():
        if series is not None:
            msg = f"series={series!r} chooses in a folder of DICOM files, but {path} is none"
            raise UsageError(msg)
        _expect_suffix(path, _READ, "convert it, or give the folder of a DICOM series")
    try:
        yield
    except PermissionError as error:
        msg = f"{error.filename} may not be read by this user; change its permissions"
        raise VolumeFileError(msg) from error
    except MemoryError as error:
        msg = f"{path} cannot be read as a volume: it needs more memory than there is"
        raise VolumeFileError(msg) from error


def _expect_suffix(path: Path, suffixes: tuple[str, ...], otherwise: str) -> None:
    if not path.name.lower().endswith(suffixes):
        msg = f"{path} does not end in one of {', '.join(suffixes)}; {otherwise}"
        raise VolumeFileError(msg)
