"""Annotations: reading and writing what annotation programs export (3D Slicer, DICOM SEG, RTSTRUCT, CVAT)."""

from __future__ import annotations

from ctbench.annotations.dicom_seg_writing import MadeBy
from ctbench.annotations.found_labels import found_labels, named_labels
from ctbench.annotations.pictures import PICTURE_FILES, Pictures, is_of_pictures, picture_files
from ctbench.annotations.reading import (
    MaskFiles,
    SharedFile,
    StructureFiles,
    annotation_geometry,
    files_of,
    read_annotation,
    segment_names,
)
from ctbench.annotations.segments import ALL_OTHERS, Naming, Segment, match_names, name_of_all
from ctbench.annotations.shares import drawn_by_anyone, read_shares
from ctbench.annotations.writing import MapFormat, write_annotation

__all__ = [
    "ALL_OTHERS",
    "PICTURE_FILES",
    "MadeBy",
    "MapFormat",
    "MaskFiles",
    "Naming",
    "Pictures",
    "Segment",
    "SharedFile",
    "StructureFiles",
    "annotation_geometry",
    "drawn_by_anyone",
    "files_of",
    "found_labels",
    "is_of_pictures",
    "match_names",
    "name_of_all",
    "named_labels",
    "picture_files",
    "read_annotation",
    "read_shares",
    "segment_names",
    "write_annotation",
]
