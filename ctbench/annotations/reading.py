"""Read what annotation programs export as one label map: the one door to all formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctbench.annotations.dicom_files import segment_file
from ctbench.annotations.dicom_seg import read_seg, seg_names
from ctbench.annotations.itksnap import read_descriptions
from ctbench.annotations.pictures import Pictures, is_of_pictures, on_slices, picture_names
from ctbench.annotations.rtstruct import read_rtstruct, rtstruct_names
from ctbench.annotations.segments import Naming, Segment, merge, merge_codes
from ctbench.annotations.slicer import is_slicer, read_slicer, read_slicer_geometry, slicer_names
from ctbench.errors import GeometryError, LabelError
from ctbench.labels import LabelSet
from ctbench.volume import Geometry, Volume, read_geometry, read_label_map
from ctbench.volume.dicom.kinds import SEG, kind_of

__all__ = [
    "MaskFiles",
    "SharedFile",
    "StructureFiles",
    "annotation_geometry",
    "files_of",
    "read_annotation",
    "segment_names",
]


@dataclass(frozen=True)
class StructureFiles:
    """One file per structure: pairs of a name and the file in which every voxel other than 0 belongs to it."""

    files: tuple[tuple[str, Path], ...]

    def __str__(self) -> str:
        return f"{self.files[0][1]} and the other structures" if len(self.files) > 1 else str(self.files[0][1])


@dataclass(frozen=True)
class SharedFile:
    """A file with the annotations of several cases, and the case of interest."""

    path: Path
    case: str

    def __str__(self) -> str:
        return str(self.path)


MaskFiles = Path | StructureFiles | SharedFile
"""Where the label map of one case lies: a file, a folder, one file per structure, or a part of a file of many cases."""


def files_of(mask: MaskFiles) -> tuple[Path, ...]:
    """Return the files and folders of a label map."""
    if isinstance(mask, StructureFiles):
        return tuple(path for _, path in mask.files)
    return (mask.path if isinstance(mask, SharedFile) else mask,)


def segment_names(path: Path) -> tuple[str, ...] | None:
    """Return the names of the segments in a file; None for a label map, which has codes only.

    Raises:
        UsageError: A DICOM file needs a package that is not installed.
        VolumeFileError: The file is damaged.
    """
    if is_of_pictures(path):
        return picture_names(path)
    if is_slicer(path):
        return slicer_names(path)
    dicom = segment_file(path)
    if dicom is None:
        return None
    return seg_names(dicom) if kind_of(dicom) == SEG else rtstruct_names(dicom)


def annotation_geometry(mask: MaskFiles) -> Geometry:
    """Return the grid of a label map or ``.seg.nrrd`` file, or of the first of several.

    Raises:
        GeometryError: It is DICOM SEG, RTSTRUCT or pictures, which have no grid of their own.
        DataError: The file cannot be read.
    """
    path = files_of(mask)[0]
    if is_of_pictures(path):
        msg = f"{path} holds pictures of slices (CVAT, Label Studio), which have no grid of their own; name the image"
        raise GeometryError(msg)
    if is_slicer(path):
        return read_slicer_geometry(path)
    dicom = segment_file(path)
    if dicom is not None:
        msg = f"{dicom} is {kind_of(dicom)}, which is drawn on the slices of an image; name the image"
        raise GeometryError(msg)
    return read_geometry(path)


def read_annotation(
    mask: MaskFiles,
    *,
    labels: LabelSet | None = None,
    image: Geometry | None = None,
    image_name: str = "its image",
    naming: Naming | None = None,
    descriptions: Path | None = None,
    pictures: Pictures | None = None,
) -> Volume:
    """Read a label map on the grid of its image, whatever the program that exported it.

    Segmentations of 3D Slicer (``.seg.nrrd``), DICOM SEG and RTSTRUCT (a file, or a folder that holds one), annotated
    pictures of CVAT (XML, or a folder of PNG) and Label Studio (JSON), and files of single structures name what they
    hold: the names meet the labels, and the result has the codes of the labels. Any other file is read as a label map,
    in the integer type of the file unless codes have aliases.

    Args:
        mask: File, folder of DICOM files, or files of structures.
        labels: The label set. None (default): any codes are allowed in a label map; a format with names needs labels.
        image: Grid of the image. None (default): the grid of the file.
        image_name: Name of the image in messages.
        naming: Aliases of names, and what an overlap of two labels becomes. Default: no aliases; an error.
        descriptions: ITK-SNAP's label descriptions of a label map, whose names then count and not its codes.
        pictures: Which slice of the image each picture is, and how it lies. Default: by the numbers in their names.

    Raises:
        LabelError: A name has no label, labels overlap, or the codes of a label map are not those of ``labels``.
        GeometryError: The voxels do not lie on the grid of the image.
        UsageError: A DICOM file needs a package that is not installed.
        DataError: A file cannot be read.
    """
    naming = naming or Naming()
    if isinstance(mask, StructureFiles):
        grid = image or annotation_geometry(mask)
        return _merged(_structures(mask, grid, image_name), labels, naming, grid, str(mask))
    case, mask = (mask.case, mask.path) if isinstance(mask, SharedFile) else (None, mask)
    if is_of_pictures(mask):
        grid = image or annotation_geometry(mask)  # raises: it needs an image
        return _merged(on_slices(mask, grid, image_name, rule=pictures, case=case), labels, naming, grid, str(mask))
    if is_slicer(mask):
        grid = image or read_slicer_geometry(mask)
        return _merged(read_slicer(mask, grid, image_name), labels, naming, grid, str(mask))
    dicom = segment_file(mask)
    if dicom is not None:
        grid = image or annotation_geometry(mask)  # raises: it needs an image
        read: Callable[[Path, Geometry, str], list[Segment]] = read_seg if kind_of(dicom) == SEG else read_rtstruct
        return _merged(read(dicom, grid, image_name), labels, naming, grid, str(dicom))
    if descriptions is None and not (labels and naming.codes):
        return read_label_map(mask, labels=labels, image=image, image_name=image_name)
    volume = read_label_map(mask, image=image, image_name=image_name)
    if descriptions is None:
        assert labels is not None
        return volume.with_array(merge_codes(volume.array, labels, naming, f"label map {mask}"))
    segments = _described(volume, descriptions, mask)
    return _merged(segments, labels, naming, volume.geometry, str(mask))


def _merged(segments: list[Segment], labels: LabelSet | None, naming: Naming, grid: Geometry, where: str) -> Volume:
    if not labels:
        msg = f"{where} names its segments, so labels with codes are needed; the data set or the command lists none"
        raise LabelError(msg)
    return grid.volume_of(merge(segments, labels, naming, where, grid.shape))


def _structures(mask: StructureFiles, grid: Geometry, image_name: str) -> list[Segment]:
    segments = []
    for name, path in mask.files:
        array = read_label_map(path, image=grid, image_name=image_name).array
        values = np.unique(array[array != 0])
        if values.size > 1:
            msg = f"{path} is the mask of one structure, but holds the values {values[:5].tolist()}; expected 0 and 1"
            raise LabelError(msg)
        segments.append(Segment(name, array != 0))
    return segments


def _described(volume: Volume, descriptions: Path, mask: Path) -> list[Segment]:
    names = read_descriptions(descriptions)
    codes = [int(code) for code in np.unique(volume.array) if code]
    unknown = [code for code in codes if code not in names]
    if unknown:
        msg = f"label map {mask} holds the codes {unknown[:10]}, which {descriptions} does not describe"
        raise LabelError(msg)
    return [Segment(names[code], volume.array == code) for code in codes]
