"""Read DICOM Segmentation objects (SEG): binary, fractional or label map, frame by frame on the grid of the image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.annotations.codes import Code
from ctbench.annotations.dicom_files import code_of, opened
from ctbench.annotations.placement import place
from ctbench.annotations.segments import Segment
from ctbench.errors import GeometryError, VolumeFileError
from ctbench.extras import import_extra
from ctbench.volume import Geometry
from ctbench.volume.dicom.frames import expect_no_larger_frames

__all__ = ["frame_geometry", "read_seg", "seg_names"]

_LABELMAP = "LABELMAP"
_TYPES = ("BINARY", "FRACTIONAL", _LABELMAP)


def seg_names(path: Path) -> tuple[str, ...]:
    """Return the labels of the segments of a SEG file; raises as ``read_seg``."""
    with opened(path) as seg:
        return tuple(name for name, _ in _described(seg).values())


def read_seg(path: Path, image: Geometry, image_name: str) -> list[Segment]:
    """Read the segments of a SEG file onto the grid of its image.

    Every frame is placed by its own position and orientation, so frames may be left out, cropped, or in any order. In a
    fractional SEG, voxels of at least half of the maximum belong to the segment.

    Args:
        path: The SEG file.
        image: Grid of the image.
        image_name: Name of the image in messages.

    Raises:
        UsageError: pydicom is not installed.
        VolumeFileError: The file is damaged, or its frames and its segments contradict each other.
        GeometryError: A frame does not lie on the grid of the image.
    """
    with opened(path) as seg:
        described = _described(seg)
        masks = {number: np.zeros(image.shape, dtype=bool) for number in described}
        for geometry, drawn in _frames(seg, image, path):
            placement = place(geometry, image, name=str(path), whole_name=image_name)
            for number, mask in drawn.items():
                if number not in masks:
                    msg = f"{path} has voxels of segment number {number}, which it does not describe; export it again"
                    raise VolumeFileError(msg)
                placement.put(mask, f"segment {described[number][0]!r} of {path}", onto=masks[number])
        return [Segment(name, masks[number], code) for number, (name, code) in described.items()]


def frame_geometry(
    position: Any, orientation: Any, spacing: Any, shape: tuple[int, int], image: Geometry, where: str
) -> Geometry:
    """Return the geometry of one DICOM frame, as a grid of one slice on the image's own distance of slices.

    Args:
        position: ImagePositionPatient: x, y, z in mm.
        orientation: ImageOrientationPatient: direction of rows, then of columns, as x, y, z.
        spacing: PixelSpacing: distance of rows, then of columns, in mm.
        shape: Number of rows and columns.
        image: Grid of the image, whose axis along the frame's normal says the distance of slices.
        where: Name of the file in messages.

    Raises:
        GeometryError: No axis of the image is the normal of the frame, or the orientation is none.
    """
    rows, columns = np.reshape(np.asarray(orientation, dtype=float), (2, 3))
    normal = np.cross(rows, columns)
    axes = np.column_stack([normal, columns, rows])[::-1]  # columns along z, y, x of the frame; world as z, y, x
    along = np.abs(np.asarray(image.direction).T @ axes[:, 0])
    if not (np.allclose(axes.T @ axes, np.eye(3), atol=1e-2) and along.max() > 0.99):
        msg = f"{where} has a frame with rows along {rows} and columns along {columns} (x, y, z), but the image has "
        msg += f"no slices in this plane: {image}; was it resampled?"
        raise GeometryError(msg)
    down, across = (float(value) for value in spacing)
    x, y, z = (float(value) for value in position)
    directions = tuple(tuple(row) for row in axes.tolist())
    spacing_mm = (image.spacing_mm[int(along.argmax())], down, across)
    return Geometry((1, *shape), spacing_mm, (z, y, x), directions)  # type: ignore[arg-type]  # 3 x 3


def _described(seg: Any) -> dict[int, tuple[str, Code | None]]:
    """Return name and coded type of each segment by its number; number 0 of a label map is background."""
    described = {}
    for item in seg.SegmentSequence:
        number, code = int(item.SegmentNumber), code_of(item, "SegmentedPropertyTypeCodeSequence")
        if number:
            described[number] = str(item.SegmentLabel), Code(*code) if code else None
    return described


def _frames(seg: Any, image: Geometry, path: Path) -> Iterator[tuple[Geometry, dict[int, NDArray[np.bool_]]]]:
    """Yield the geometry of each frame, and its mask by number of segment."""
    kind, shape = str(seg.SegmentationType), (int(seg.Rows), int(seg.Columns))
    if kind not in _TYPES:
        msg = f"{path} has the segmentation type {kind!r}; expected {', '.join(_TYPES)}"
        raise VolumeFileError(msg)
    if min(shape) < 1 or max(shape) > max(image.shape):
        msg = f"{path} has frames of {shape[0]} x {shape[1]} pixels; expected no more than the image, {image.shape}"
        raise GeometryError(msg)
    expect_no_larger_frames(path, *shape)
    most = float(seg.MaximumFractionalValue) if kind == "FRACTIONAL" else 1.0
    shared = seg.SharedFunctionalGroupsSequence[0] if "SharedFunctionalGroupsSequence" in seg else None
    groups = seg.PerFrameFunctionalGroupsSequence
    if len(groups) != int(seg.NumberOfFrames):
        msg = f"{path} describes {len(groups)} frames, but says that it has {seg.NumberOfFrames}; export it again"
        raise VolumeFileError(msg)
    for own, pixels in zip(groups, _pixels(seg, shape), strict=True):
        geometry = frame_geometry(
            _group(own, shared, "PlanePositionSequence").ImagePositionPatient,
            _group(own, shared, "PlaneOrientationSequence").ImageOrientationPatient,
            _group(own, shared, "PixelMeasuresSequence").PixelSpacing,
            shape,
            image,
            str(path),
        )
        frame = pixels.reshape(1, *shape)
        if kind == _LABELMAP:
            yield geometry, {int(number): frame == number for number in np.unique(frame) if number}
        else:
            number = int(_group(own, shared, "SegmentIdentificationSequence").ReferencedSegmentNumber)
            yield geometry, {number: frame >= most / 2}


def _pixels(seg: Any, shape: tuple[int, int]) -> Iterator[NDArray[Any]]:
    """Yield the pixels of each frame."""
    if int(seg.BitsAllocated) != 1 or seg.file_meta.TransferSyntaxUID.is_compressed:
        pixels = import_extra("pydicom.pixels", "reading DICOM SEG files")
        yield from pixels.iter_pixels(seg)
        return
    # Frames follow each other bit by bit, so that one may begin within a byte, which pydicom cannot read one by one.
    packed, size = np.frombuffer(seg.PixelData, np.uint8), shape[0] * shape[1]
    for frame in range(int(seg.NumberOfFrames)):
        first = frame * size
        bits = np.unpackbits(packed[first // 8 : (first + size + 7) // 8], bitorder="little")
        yield bits[first % 8 : first % 8 + size].reshape(shape)


def _group(own: Any, shared: Any, keyword: str) -> Any:
    """Return a functional group of a frame: its own, or the one that all frames share."""
    return getattr(own if keyword in own else shared, keyword)[0]
