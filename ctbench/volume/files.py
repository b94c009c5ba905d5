"""Read and write volumes and label maps: NIfTI, NRRD, MetaImage, and folders of DICOM files."""

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
from ctbench.volume.codes import as_codes, expect_no_negative
from ctbench.volume.dicom import read_dicom, read_dicom_geometry
from ctbench.volume.geometry import Geometry, Volume
from ctbench.volume.integrity import check_finite, check_integrity
from ctbench.volume.itk import last_line, quiet_itk, read_file, read_file_geometry, simpleitk, to_itk
from ctbench.volume.orientation import as_stored, on_grid, upright, upright_geometry, warn_if_oblique
from ctbench.volume.payload import find_payload
from ctbench.volume.placements import read_stated_grid

__all__ = ["CodeCheck", "check_file", "read_geometry", "read_label_map", "read_volume", "write_volume"]

PathLike = str | os.PathLike[str]

_READ = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
_NAMED = ".seg.nrrd"
_WRITE = (".nii.gz", ".nii", ".nrrd", ".mha")


class CodeCheck(Protocol):
    """An object that checks the codes of a label map, e.g. ``ctbench.LabelSet``."""

    def check(self, array: NDArray[np.integer[Any]], where: str) -> None:
        """Raise ``LabelError`` if the array holds an unknown code; ``where`` names the array in the message."""


def read_volume(path: PathLike, *, series: str | None = None, shape: tuple[int, ...] | None = None) -> Volume:
    """Read a 3D volume from a NIfTI, NRRD or MetaImage file, or from a folder of DICOM files.

    The dtype is the stored one; a scale in the file (NIfTI's slope, DICOM's rescale to HU) is applied. A fourth axis of
    length 1 is dropped. The axes come in the order z, y, x of the patient, whatever their order in the file; none is
    turned round, so that slices have the numbers that a viewer of the file counts along that axis.

    Args:
        path: A file ending in .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd, or a folder.
        series: For a DICOM folder, the SeriesInstanceUID or a part of the description of the series to read, or
            ``soft-tissue``: the axial soft-tissue series of a CT study, by its headers. None (default): by the rule of
            ``ctbench.volume.dicom.read_dicom``.
        shape: Shape of the image on whose grid the file should lie. None (default): unknown. A file that unpacks to
            over 1 GiB and to over 200 times its own size is refused unless an image of that shape has as many voxels.

    Raises:
        MissingFileError: ``path`` or the data file of a header does not exist.
        VolumeFileError: The file is empty, truncated, damaged, of another size than its header says, not 3D, or of an
            unknown suffix; states no spacing, or an unknown unit of length; has several numbers per voxel, NaN or
            infinite voxels, or axes that are not orthonormal (within 1e-3); unpacks to gigabytes of nothing (see
            ``shape``); or this user may not read it.
        UsageError: ``series`` is given with a file.
    """
    path = Path(path)
    with _opening(path, series):
        if path.is_dir():
            volume = read_dicom(path, series)
        else:
            check_integrity(path, shape)
            volume = read_file(path)
            check_finite(volume.array, path)
        volume = upright(volume)
        warn_if_oblique(volume, path)
        return volume


def read_geometry(path: PathLike, *, series: str | None = None) -> Geometry:
    """Read the geometry of a volume from the header of a file, or from the headers of DICOM slices.

    Does not check the voxels, which may be damaged or truncated. Takes the arguments, and raises the errors, of
    ``read_volume``.
    """
    path = Path(path)
    with _opening(path, series):
        found = read_dicom_geometry(path, series) if path.is_dir() else read_file_geometry(path)
        return upright_geometry(found)


def check_file(path: PathLike) -> None:
    """Check that a file holds as many voxels as its header says; faster than ``read_volume``, with the same errors.

    Does not check the content of a folder.
    """
    path = Path(path)
    with _opening(path, None):
        if path.is_file():
            check_integrity(path)
            read_stated_grid(path)


def read_label_map(
    path: PathLike, *, labels: CodeCheck | None = None, image: Geometry | None = None, image_name: str = "its image"
) -> Volume:
    """Read a label map, in the integer type of the file; floats that are whole numbers become integers without loss.

    Args:
        path: As in ``read_volume``.
        labels: The label set (``ctbench.LabelSet``) of the codes. None (default): any codes from 0 on are allowed.
        image: The grid of its image; a label map with the same voxels in another orientation is reoriented onto it,
            as by ``on_grid``. None (default): any grid is allowed.
        image_name: Name of the image in messages.

    Raises:
        LabelError: A voxel is not a whole number, a code is negative or not in ``labels``, or the file is a
            segmentation of 3D Slicer, which ``ctbench.read_annotation`` reads.
        GeometryError: The grid has other voxels than ``image``.
        MissingFileError, VolumeFileError: As in ``read_volume``.
    """
    path = Path(path)
    if path.name.lower().endswith(_NAMED):
        msg = f"{path} names its segments, whose numbers mean nothing; read it with ctbench.read_annotation and labels"
        raise LabelError(msg)
    volume = read_volume(path, shape=image.shape if image else None)
    codes = as_codes(volume.array, path)
    if codes is not volume.array:
        volume = volume.with_array(codes)
    if image is not None:
        volume = on_grid(volume, image, found_name=f"label map {path}", expected_name=image_name)
    if labels is not None:
        labels.check(volume.array, f"label map {path}")
    else:
        expect_no_negative(volume.array, path)
    return volume


def write_volume(volume: Volume, path: PathLike) -> None:
    """Write a volume atomically, in the format of the suffix; bool is written as uint8.

    Equal volumes are written as equal bytes, so that digests of files can be compared. NIfTI stores the geometry in
    32-bit floats, NRRD and MetaImage in full precision. The axes are stored in the volume's ``stored_axes``: those of
    the file that it, or its image, was read from.

    Args:
        volume: The volume.
        path: A file name ending in .nii, .nii.gz, .nrrd or .mha.

    Raises:
        VolumeFileError: The suffix is another one.
        DataError: Image files have no such dtype.
        StoreError: The folder cannot be written, or the disk is full.
    """
    path = Path(path)
    _expect_suffix(path, _WRITE, "choose one of these formats")
    sitk = simpleitk()
    image = to_itk(as_stored(volume))
    with whole_file(path) as temporary, quiet_itk():
        try:
            sitk.WriteImage(image, str(temporary), useCompression=True)
        except RuntimeError as error:
            msg = f"cannot write {path}: {last_line(error)}; is the disk full?"
            raise StoreError(msg) from error
        _expect_whole(temporary, path)


def _expect_whole(written: Path, path: Path) -> None:
    """Check the written file: ITK raises no error when a full disk truncates a NIfTI."""
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
    """Check the path before it is read, and raise ``VolumeFileError`` for missing permissions or memory."""
    if not path.exists():
        msg = f"there is no file {path}; check the path"
        raise MissingFileError(msg)
    if not path.is_dir():
        if series is not None:
            msg = f"series={series!r} selects from a folder of DICOM files, but {path} is a file"
            raise UsageError(msg)
        _expect_suffix(path, _READ, "convert it, or use the folder of a DICOM series")
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
