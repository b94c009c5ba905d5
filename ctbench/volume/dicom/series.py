"""Series of DICOM slices: find those of a folder, and choose one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctbench.errors import VolumeFileError
from ctbench.volume.dicom.kinds import kind_of_start
from ctbench.volume.itk import quiet_itk, simpleitk

__all__ = ["Series", "Slice", "choose_series", "find_series"]

_CT_OR_MR_IMAGE = re.compile(rb"1\.2\.840\.10008\.5\.1\.4\.1\.1\.[24](\.\d+)?[^.\d]")
"""The SOP classes of CT and MR images, as stored in the first bytes of a file."""


@dataclass(frozen=True)
class Slice:
    """The header of one DICOM image; coordinates are DICOM's x, y, z in mm (LPS).

    ``orientation`` and ``position`` are None if the header lacks them, as in secondary captures.
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


@dataclass(frozen=True)
class Series:
    """The slices of one SeriesInstanceUID, in any order."""

    uid: str
    description: str
    slices: tuple[Slice, ...]

    @property
    def is_volume(self) -> bool:
        """Whether it can be a volume: more than one frame, one number per voxel, not a localizer."""
        frames = sum(one.size[2] for one in self.slices)
        return frames > 1 and all(one.components == 1 and "LOCALIZER" not in one.image_type for one in self.slices)

    def __str__(self) -> str:
        return f"{self.uid} {self.description!r} ({len(self.slices)} files)"


def find_series(folder: Path) -> tuple[Series, ...]:
    """Read the headers of all DICOM images in a folder and the folders in it.

    Files without DICOM's signature, and other DICOM objects than images (reports, DICOMDIR, segments), are skipped.

    Raises:
        VolumeFileError: The folder has no DICOM image, or a CT or MR image cannot be read.
    """
    groups: dict[str, list[Slice]] = {}
    for path in sorted(folder.rglob("*")):
        found = _read_header(path) if path.is_file() and not path.name.startswith(".") else None
        if found is not None:
            groups.setdefault(found.series_uid, []).append(found)
    if not groups:
        msg = (
            f"no DICOM image in {folder}; expected the folder of a CT or MR series, or a NIfTI, NRRD or MetaImage file"
        )
        raise VolumeFileError(msg)
    return tuple(Series(uid, slices[0].description, tuple(slices)) for uid, slices in sorted(groups.items()))


def choose_series(found: tuple[Series, ...], wanted: str | None, folder: Path) -> Series:
    """Choose the series that ``wanted`` names, or the only one that can be a volume.

    Args:
        found: All series of the folder.
        wanted: A SeriesInstanceUID, or a part of a series' description (upper or lower case).
        folder: Path of the folder, for the message.

    Raises:
        VolumeFileError: No series or several match; the message lists all series.
    """
    if wanted is None:
        fitting = [one for one in found if one.is_volume]
        problem = f"{folder} holds {len(fitting)} DICOM series that can be a volume, expected one"
    else:
        fitting = [one for one in found if one.uid == wanted] or [
            one for one in found if wanted.lower() in one.description.lower()
        ]
        problem = f"series {wanted!r} fits {len(fitting)} DICOM series in {folder}, expected one"
    if len(fitting) == 1:
        return fitting[0]
    listed = "; ".join(map(str, found))
    msg = f"{problem}; name one by its UID or by a part of its description: {listed}"
    raise VolumeFileError(msg)


def _read_header(path: Path) -> Slice | None:
    sitk = simpleitk()
    with path.open("rb") as file:
        start = file.read(1024)
    if kind_of_start(start):
        return None
    if start[128:132] != b"DICM":
        _expect_content(path)
        return None
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        with quiet_itk():
            reader.ReadImageInformation()
    except RuntimeError as error:
        if _CT_OR_MR_IMAGE.search(start):
            msg = f"DICOM image {path} is truncated or damaged; copy or export it again"
            raise VolumeFileError(msg) from error
        return None
    return _slice_of(path, reader)


def _slice_of(path: Path, reader: Any) -> Slice:
    def text(tag: str) -> str:
        return str(reader.GetMetaData(tag)).strip(" \0") if reader.HasMetaDataKey(tag) else ""

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
        spacing_mm=tuple(reader.GetSpacing()[:2]),
        components=reader.GetNumberOfComponents(),
        orientation=numbers("0020|0037", 6),
        position=numbers("0020|0032", 3),
        tilt_degrees=(numbers("0018|1120", 1) or (0.0,))[0],
    )


def _expect_content(path: Path) -> None:
    if path.stat().st_size == 0 and path.suffix.lower() in {"", ".dcm", ".ima"}:
        msg = f"{path} is empty (0 bytes); copy or export it again"
        raise VolumeFileError(msg)
