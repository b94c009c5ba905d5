"""Annotations: reading and writing what annotation programs export (3D Slicer, DICOM SEG, RTSTRUCT, ITK-SNAP)."""

from __future__ import annotations

from ctbench.annotations.reading import (
    MaskFiles,
    StructureFiles,
    annotation_geometry,
    files_of,
    read_annotation,
    segment_names,
)
from ctbench.annotations.segments import ALL_OTHERS, Naming, match_names, name_of_all

__all__ = [
    "ALL_OTHERS",
    "MaskFiles",
    "Naming",
    "StructureFiles",
    "annotation_geometry",
    "files_of",
    "match_names",
    "name_of_all",
    "read_annotation",
    "segment_names",
]
