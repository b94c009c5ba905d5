"""Series of DICOM slices: find those of a folder, and choose one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctbench.errors import VolumeFileError
from ctbench.notices import warn_once
from ctbench.volume.dicom.candidates import START_BYTES, candidates, is_certain, is_other_object
from ctbench.volume.dicom.kinds import expect_not_deflated, kind_of_start
from ctbench.volume.dicom.softtissue import SOFT_TISSUE, fit_soft_tissue
from ctbench.volume.dicom.strays import part_strays
from ctbench.volume.itk import quiet_itk, simpleitk

__all__ = ["Series", "Slice", "choose_series", "find_series", "read_tags"]

_NO_IMAGES = {"SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "PR", "SR", "KO", "REG", "DOC", "FID", "PLAN"}
"""Modalities of objects beside images; a segmentation has pixels, but they are no image."""


@dataclass(frozen=True)
class Slice:
    """The header of one DICOM image; coordinates are DICOM's x, y, z in mm (LPS).

    ``orientation`` and ``position`` are None if the header lacks them, as in secondary captures; ``spacing_mm`` is
    empty if it states no pixel spacing.
    """

    path: Path
    series_uid: str
    description: str
    patient: str
    image_type: str
    size: tuple[int, int, int]
    spacing_mm: tuple[float, ...]
    components: int
    orientation: tuple[float, ...] | None
    position: tuple[float, ...] | None
    tilt_degrees: float
    modality: str = ""
    kernel: str = ""
    thickness_mm: float | None = None
    contrast: str = ""


@dataclass(frozen=True)
class Series:
    """The slices of one SeriesInstanceUID, in any order.

    ``left_out`` has a phrase for each file of the series that cannot be a slice, as a localizer.
    """

    uid: str
    description: str
    slices: tuple[Slice, ...]
    left_out: tuple[str, ...] = ()

    @property
    def is_volume(self) -> bool:
        """Whether it can be a volume: several frames, one number per voxel, no localizer and no segmentation."""
        frames = sum(one.size[2] for one in self.slices)
        return frames > 1 and all(
            one.components == 1 and "LOCALIZER" not in one.image_type and one.modality not in _NO_IMAGES
            for one in self.slices
        )

    def __str__(self) -> str:
        return f"{self.uid} {self.description!r} ({len(self.slices)} files)"


def find_series(folder: Path) -> tuple[Series, ...]:
    """Read the headers of all DICOM images in a folder and the folders in it; links are followed.

    Files that could be DICOM are read with or without DICOM's signature. Files of other suffixes, and other DICOM
    objects than images (reports, DICOMDIR, segments), are skipped.

    Raises:
        VolumeFileError: The folder has no DICOM image; a file or a link that could be a slice cannot be read.
    """
    groups: dict[str, list[Slice]] = {}
    for path in candidates(folder):
        found = _read_header(path)
        if found is not None:
            groups.setdefault(found.series_uid, []).append(found)
    if not groups:
        msg = (
            f"no DICOM image in {folder}; expected the folder of a CT or MR series, or a NIfTI, NRRD or MetaImage file"
        )
        raise VolumeFileError(msg)
    return tuple(Series(uid, slices[0].description, *part_strays(slices)) for uid, slices in sorted(groups.items()))


def choose_series(found: tuple[Series, ...], wanted: str | None, folder: Path) -> Series:
    """Choose the series that ``wanted`` names, or the only one that can be a volume.

    Args:
        found: All series of the folder.
        wanted: A SeriesInstanceUID, or a part of a series' description (upper or lower case); or ``soft-tissue``: by
            the rules of ``fit_soft_tissue``, and what they chose is logged with the reasons.
        folder: Path of the folder, for the message.

    Raises:
        VolumeFileError: No series or several match; the message lists all series.
    """
    reasons: dict[str, str] = {}
    fitting: Sequence[Series]
    if wanted is None:
        fitting = [one for one in found if one.is_volume]
        problem = f"{folder} holds {len(fitting)} DICOM series that can be a volume, expected one"
    else:
        if wanted == SOFT_TISSUE:
            fitting, reasons = fit_soft_tissue(found)
        else:
            fitting = [one for one in found if one.uid == wanted] or [
                one for one in found if wanted.lower() in one.description.lower()
            ]
        problem = f"series {wanted!r} fits {len(fitting)} DICOM series in {folder}, expected one"
    listed = "; ".join(f"{one}: {reasons[one.uid]}" if reasons else str(one) for one in found)
    if len(fitting) == 1:
        if reasons:
            warn_once(f"{folder}: {fitting[0].uid} is read as the {SOFT_TISSUE} series; of {listed}")
        return fitting[0]
    msg = f"{problem}; name one by its UID or by a part of its description: {listed}"
    raise VolumeFileError(msg)


def _read_header(path: Path) -> Slice | None:
    with path.open("rb") as file:
        start = file.read(START_BYTES)
    if kind_of_start(start):
        return None
    expect_not_deflated(path)
    try:
        reader = _opened(path)
    except RuntimeError as error:
        has_signature = start[128:132] == b"DICM"
        if is_other_object(start) or not (has_signature or is_certain(path)):
            return None
        what = "is truncated or damaged" if has_signature else "cannot be read as a DICOM image"
        msg = f"DICOM image {path} {what}; copy or export it again, or move it elsewhere if it is no slice"
        raise VolumeFileError(msg) from error
    return _slice_of(path, reader)


def read_tags(path: Path, tags: Iterable[str]) -> dict[str, str]:
    """Return the values of those tags that a DICOM file states.

    Args:
        path: File of a slice.
        tags: Tags as ``0008|0070``.

    Raises:
        VolumeFileError: The file cannot be read.
    """
    try:
        reader = _opened(path)
    except RuntimeError as error:
        msg = f"DICOM image {path} cannot be read; copy or export it again"
        raise VolumeFileError(msg) from error
    return {tag: _text(reader, tag) for tag in tags if reader.HasMetaDataKey(tag)}


def _opened(path: Path) -> Any:
    """Return a reader that has read the header of a DICOM file; raises SimpleITK's ``RuntimeError`` if it cannot."""
    reader = simpleitk().ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    with quiet_itk():
        reader.ReadImageInformation()
    return reader


def _text(reader: Any, tag: str) -> str:
    return str(reader.GetMetaData(tag)).strip(" \0") if reader.HasMetaDataKey(tag) else ""


def _slice_of(path: Path, reader: Any) -> Slice:
    def text(tag: str) -> str:
        return _text(reader, tag)

    def numbers(tag: str, count: int) -> tuple[float, ...] | None:
        try:
            values = tuple(float(word) for word in text(tag).split("\\"))
        except ValueError:
            return None
        return values if len(values) == count else None

    width, height, *frames = reader.GetSize()
    return Slice(
        path=path,
        series_uid=text("0020|000e"),
        description=text("0008|103e"),
        patient=text("0010|0020"),
        image_type=text("0008|0008"),
        size=(width, height, frames[0] if frames else 1),
        # Without the tag, ITK's spacing is 1 mm.
        spacing_mm=tuple(reader.GetSpacing()[:2]) if min(numbers("0028|0030", 2) or (0,)) > 0 else (),
        components=reader.GetNumberOfComponents(),
        orientation=numbers("0020|0037", 6),
        position=numbers("0020|0032", 3),
        tilt_degrees=(numbers("0018|1120", 1) or (0.0,))[0],
        modality=text("0008|0060"),
        kernel=text("0018|1210"),
        thickness_mm=(numbers("0018|0050", 1) or (None,))[0],
        contrast=text("0018|0010"),
    )
