"""Annotations: reading and writing what annotation programs export (3D Slicer, DICOM SEG, RTSTRUCT, ITK-SNAP)."""

from __future__ import annotations

from ctbench.annotations.dicom_seg_writing import MadeBy
from ctbench.annotations.reading import (
    MaskFiles,
    StructureFiles,
    annotation_geometry,
    files_of,
    read_annotation,
    segment_names,
)
from ctbench.annotations.segments import ALL_OTHERS, Naming, Segment, match_names, name_of_all
from ctbench.annotations.writing import MapFormat, write_annotation

__all__ = [
    "ALL_OTHERS",
    "MadeBy",
    "MapFormat",
    "MaskFiles",
    "Naming",
    "Segment",
    "StructureFiles",
    "annotation_geometry",
    "files_of",
    "match_names",
    "name_of_all",
    "read_annotation",
    "segment_names",
    "write_annotation",
]
