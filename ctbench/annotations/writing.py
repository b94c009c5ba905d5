"""Write label maps in the formats of annotation programs: NIfTI, 3D Slicer's ``.seg.nrrd``, or DICOM SEG."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from ctbench.annotations.dicom_seg_writing import MadeBy, write_seg
from ctbench.annotations.slicer import SUFFIX, write_slicer
from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.volume import Volume, write_volume

__all__ = ["MapFormat", "write_annotation"]


class MapFormat(StrEnum):
    """Format of written label maps."""

    NIFTI = "nifti"
    SEG_NRRD = "seg.nrrd"
    DICOM_SEG = "dicom-seg"

    @property
    def suffix(self) -> str:
        """The end of file names."""
        return {MapFormat.NIFTI: ".nii.gz", MapFormat.SEG_NRRD: SUFFIX, MapFormat.DICOM_SEG: ".dcm"}[self]


def write_annotation(
    label_map: Volume,
    labels: LabelSet,
    stem: Path,
    *,
    form: MapFormat = MapFormat.NIFTI,
    made_by: MadeBy,
    source: Path | None = None,
    series: str | None = None,
) -> Path:
    """Write a label map and return its path, ``stem`` with the suffix of the format.

    Args:
        label_map: The label map.
        labels: Names and codes of its labels.
        stem: Path without suffix.
        form: The format. Default: NIfTI, which has the codes but not the names.
        made_by: The rule or model that made it; DICOM SEG states it.
        source: Image of the label map; DICOM SEG needs the folder of its DICOM series.
        series: Which series of that folder, as in ``ctbench.read_volume``. Default None: its only one.

    Raises:
        UsageError: DICOM SEG is asked for without a source, or highdicom is not installed.
        DataError: The source is no DICOM series, or one with other slices.
        StoreError: The file cannot be written.
    """
    path = stem.with_name(f"{stem.name}{form.suffix}")
    if form is MapFormat.DICOM_SEG:
        if source is None:
            msg = "DICOM SEG refers to the slices of the image; name the folder of its DICOM series with --image"
            raise UsageError(msg)
        write_seg(label_map, labels, path, source=source, made_by=made_by, series=series)
    elif form is MapFormat.SEG_NRRD:
        write_slicer(label_map, labels, path)
    else:
        write_volume(label_map, path)
    return path
