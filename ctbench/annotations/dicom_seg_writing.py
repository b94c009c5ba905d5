"""Write label maps as DICOM Segmentation objects (SEG) that refer to the slices of the image's DICOM series."""

from __future__ import annotations

import warnings
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.annotations.codes import Code, term_of
from ctbench.annotations.dicom_seg import frame_geometry
from ctbench.annotations.placement import place
from ctbench.errors import GeometryError, VolumeFileError
from ctbench.extras import import_extra
from ctbench.files import whole_file
from ctbench.labels import LabelSet
from ctbench.volume import Geometry, Volume
from ctbench.volume.dicom.series import choose_series, find_series

__all__ = ["MadeBy", "write_seg"]

_MANUAL = Code("DCM", "123109", "Manual Processing")
_ARTIFICIAL = Code("DCM", "123110", "Artificial Intelligence")
"""Families of algorithms, of context group 7162 of DICOM PS3.16."""
_PURPOSE = "writing DICOM SEG"


class MadeBy(NamedTuple):
    """What made a label map: name and version of a model or rule, and whether without readers (``automatic``)."""

    name: str
    version: str
    automatic: bool


def write_seg(
    label_map: Volume, labels: LabelSet, path: Path, *, source: Path, made_by: MadeBy, series: str | None = None
) -> None:
    """Write a label map as a binary DICOM SEG, one segment per label, with new unique identifiers.

    Patient, study and frame of reference are those of the source series, and every frame refers to its slice. The
    segments carry the coded terms of ``ctbench.annotations.codes``.

    Args:
        label_map: The label map, in any orientation.
        labels: Names and codes of its labels, in the order of the segments; numbers of segments begin at 1.
        path: File to write.
        source: Folder of the DICOM series of its image.
        made_by: The rule or model that made it.
        series: Which series of the folder, as in ``ctbench.read_volume``. Default None: its only one.

    Raises:
        UsageError: highdicom is not installed.
        VolumeFileError: ``source`` is no folder of a DICOM series, or there are no labels.
        GeometryError: The slices of the series are not those of the label map, because the image was resampled.
        StoreError: The file cannot be written.
    """
    highdicom = import_extra("highdicom", _PURPOSE)
    if not source.is_dir() or not labels:
        what = f"{source} is no folder" if labels else "there are no labels to name segments by"
        msg = f"DICOM SEG refers to the slices of the image's DICOM series, but {what}; choose another format"
        raise VolumeFileError(msg)
    slices = _slices(source, series)
    pixels = np.zeros((len(slices), int(slices[0].Rows), int(slices[0].Columns)), np.uint16)
    numbered = np.zeros(label_map.shape, np.uint16)
    for number, code in enumerate(labels.values(), start=1):
        numbered[label_map.array == code] = number
    for index, one in enumerate(slices):
        pixels[index] = _plane(one, numbered, label_map.geometry, source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd values in the headers of the source
        made = highdicom.seg.Segmentation(
            source_images=slices,
            pixel_array=pixels,
            segmentation_type="BINARY",
            segment_descriptions=_descriptions(highdicom, labels, made_by),
            series_instance_uid=highdicom.UID(),
            series_number=1000,
            sop_instance_uid=highdicom.UID(),
            instance_number=1,
            manufacturer="ctbench",
            manufacturer_model_name=made_by.name[:64],
            software_versions=made_by.version[:64] or "1",
            device_serial_number="1",
            series_description=f"ctbench: {made_by.name}"[:64],
            omit_empty_frames=bool(pixels.any()),
        )
        # highdicom indexes the frames in SQLite and never closes that, of which Python 3.13 warns.
        with closing(made._db_con), whole_file(path) as temporary:  # noqa: SLF001  # there is no public way
            made.save_as(temporary)


def _slices(source: Path, series: str | None) -> list[Any]:
    pydicom = import_extra("pydicom", _PURPOSE)
    chosen = choose_series(find_series(source), series, source)
    # The voxels are not needed, and a file without preamble was found to be DICOM already.
    found = [pydicom.dcmread(one.path, stop_before_pixels=True, force=True) for one in chosen.slices]
    return sorted(found, key=lambda one: int(getattr(one, "InstanceNumber", None) or 0))


def _plane(one: Any, numbered: NDArray[np.uint16], grid: Geometry, source: Path) -> NDArray[np.uint16]:
    """Return the part of a label map that lies on one slice, in rows and columns of the slice."""
    shape = (int(one.Rows), int(one.Columns))
    where = f"a slice of {source}"
    geometry = frame_geometry(
        one.ImagePositionPatient, one.ImageOrientationPatient, one.PixelSpacing, shape, grid, where
    )
    placement = place(geometry, grid, name=where, whole_name="the label map")
    if not placement.is_inside:
        msg = f"{where} lies outside the label map, which was drawn on another image"
        raise GeometryError(msg)
    plane: NDArray[np.uint16] = placement.take(numbered)[0]
    return plane


def _descriptions(highdicom: Any, labels: LabelSet, made_by: MadeBy) -> list[Any]:
    def concept(code: Code) -> Any:
        return highdicom.sr.CodedConcept(code.value, code.scheme, code.meaning)

    family = concept(_ARTIFICIAL if made_by.automatic else _MANUAL)
    algorithm = highdicom.AlgorithmIdentificationSequence(made_by.name[:64], family, made_by.version[:64] or "1")
    described = []
    for number, name in enumerate(labels, start=1):
        term = term_of(name)
        described.append(
            highdicom.seg.SegmentDescription(
                number,
                name[:64],
                concept(term.category),
                concept(term.kind),
                "AUTOMATIC" if made_by.automatic else "SEMIAUTOMATIC",
                algorithm,
                anatomic_regions=[concept(term.region)] if term.region else None,
            )
        )
    return described
