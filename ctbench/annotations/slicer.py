"""Read and write segmentations of 3D Slicer (``.seg.nrrd``): named segments in one or more layers of label values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.annotations.codes import Code, Term, term_of
from ctbench.annotations.placement import place
from ctbench.annotations.segments import Segment
from ctbench.errors import StoreError, VolumeFileError
from ctbench.files import whole_file
from ctbench.labels import LabelSet
from ctbench.volume import Geometry, Volume, as_stored, to_itk, upright_geometry
from ctbench.volume.integrity import check_integrity
from ctbench.volume.itk import last_line, quiet_itk, read_header_fields, read_layers, simpleitk

__all__ = ["is_slicer", "read_slicer", "read_slicer_geometry", "slicer_names", "write_slicer"]

SUFFIX = ".seg.nrrd"
_NRRD = (".nrrd", ".nhdr")
_MOST_LAYERS = 64
"""Numbers per voxel of the image that are believed of a file that is compressed to almost nothing."""
_FIELD = re.compile(r"Segment(\d+)_(\w+)")
_TERM = re.compile(r"TerminologyEntry:[^~|]*~[^~|]*~([^\^~|]*)\^([^\^~|]*)\^([^\^~|]*)")


class _Header(NamedTuple):
    """One segment by the header: its name, the layer and the value of its voxels, and its coded meaning."""

    name: str
    layer: int
    value: int
    code: Code | None


def is_slicer(path: Path) -> bool:
    """Return whether a file is a segmentation of 3D Slicer: by its suffix, or by the fields of an NRRD header."""
    name = path.name.lower()
    if name.endswith(SUFFIX) or not name.endswith(_NRRD) or not path.is_file():
        return name.endswith(SUFFIX)
    with path.open("rb") as file:
        return b"\nSegment0_" in file.read(1 << 16).partition(b"\n\n")[0]


def slicer_names(path: Path) -> tuple[str, ...]:
    """Return the names of the segments of a file; raises ``VolumeFileError`` if its header cannot be read."""
    return tuple(header.name for header in _headers(path, layers=1))


def read_slicer_geometry(path: Path) -> Geometry:
    """Return the grid of a file, which may be a part of the grid of its image; raises as ``read_slicer``."""
    return upright_geometry(_read(path, None)[0][0].geometry)


def read_slicer(path: Path, image: Geometry, image_name: str) -> list[Segment]:
    """Read the segments of a file onto the grid of its image.

    Segments are masks of one label value in one layer; a file that is cropped to what is drawn is placed where it lies.

    Args:
        path: A ``.seg.nrrd`` file.
        image: Grid of the image.
        image_name: Name of the image in messages.

    Raises:
        VolumeFileError: The file cannot be read, has no segments, or its voxels and its segments contradict each other.
        GeometryError: Its voxels do not lie on the grid of the image.
    """
    layers, headers = _read(path, image.shape)
    _expect_described(layers, headers, path)
    placement = place(layers[0].geometry, image, name=str(path), whole_name=image_name)
    return [
        Segment(
            header.name,
            placement.put(layers[header.layer].array == header.value, f"segment {header.name!r} of {path}"),
            header.code,
        )
        for header in headers
    ]


def write_slicer(label_map: Volume, labels: LabelSet, path: Path) -> None:
    """Write a label map as a ``.seg.nrrd`` file with one named segment per label, all in one layer.

    Args:
        label_map: The label map.
        labels: Names and codes of its labels; the label values in the file are the codes.
        path: File to write.

    Raises:
        StoreError: The file cannot be written.
    """
    stored = as_stored(label_map)
    image = to_itk(stored)
    for key, text in _fields(stored, labels):
        image.SetMetaData(key, text)
    with whole_file(path) as temporary, quiet_itk():
        try:
            simpleitk().WriteImage(image, str(temporary), useCompression=True)
        except RuntimeError as error:
            msg = f"cannot write {path}: {last_line(error)}; is the disk full?"
            raise StoreError(msg) from error


def _fields(label_map: Volume, labels: LabelSet) -> Iterator[tuple[str, str]]:
    z, y, x = (size - 1 for size in label_map.shape)
    yield "Segmentation_MasterRepresentation", "Binary labelmap"
    yield "Segmentation_ContainedRepresentationNames", "Binary labelmap|"
    yield "Segmentation_ReferenceImageExtentOffset", "0 0 0"
    for number, (name, code) in enumerate(labels.items()):
        segment = {
            "ID": f"Segment_{number + 1}",
            "Name": name,
            "Color": _colour(number),
            "LabelValue": str(code),
            "Layer": "0",
            "Extent": f"0 {x} 0 {y} 0 {z}",
            "Tags": f"TerminologyEntry:{_terminology(term_of(name))}|",
        }
        yield from ((f"Segment{number}_{field}", text) for field, text in segment.items())


def _terminology(term: Term) -> str:
    """Return a term as Slicer writes it: list, category, type, modifier, list of regions, region, its modifier."""
    coded = ["^".join(code) for code in (term.category, term.kind)]
    region = "^".join(term.region or ("", "", ""))
    return "~".join(("Segmentation category and type - ctbench", *coded, "^^", "Anatomic codes", region, "^^"))


def _colour(number: int) -> str:
    """Return a colour as red, green and blue in [0, 1]: hues a golden angle apart differ for any number of segments."""
    hue = number * 0.618034 * 6
    channels = (min(1.0, max(0.0, abs((hue + turn) % 6 - 3) - 1)) for turn in (0, 4, 2))
    return " ".join(f"{0.2 + 0.7 * channel:.3f}" for channel in channels)


def _read(path: Path, shape: tuple[int, ...] | None) -> tuple[tuple[Volume, ...], list[_Header]]:
    """Return the layers of a file on an image of some shape, and its segments."""
    check_integrity(path, shape, layers=_MOST_LAYERS)
    layers = read_layers(path)
    if layers[0].array.dtype.kind not in "iu":
        msg = (
            f"{path} stores its segments as {layers[0].array.dtype}; expected integers, a binary label map of 3D Slicer"
        )
        raise VolumeFileError(msg)
    return layers, _headers(path, len(layers))


def _headers(path: Path, layers: int) -> list[_Header]:
    found: dict[int, dict[str, str]] = {}
    for key, text in read_header_fields(path).items():
        if parts := _FIELD.fullmatch(key):
            found.setdefault(int(parts[1]), {})[parts[2]] = text
    if not found:
        msg = f"{path} names no segments in its header; save it as a segmentation of 3D Slicer again"
        raise VolumeFileError(msg)
    # Before Slicer 4.11, every segment had a layer of its own and no field that names it.
    return [
        _header(fields, f"segment {number} of {path}", layer=number if layers > 1 else 0)
        for number, fields in sorted(found.items())
    ]


def _header(fields: dict[str, str], where: str, layer: int) -> _Header:
    if not fields.get("Name"):
        msg = f"{where} has no name in its header; name it in the Segment Editor and save it again"
        raise VolumeFileError(msg)
    try:
        numbers = int(fields.get("Layer", layer)), int(fields.get("LabelValue", 1))
    except ValueError as error:
        msg = f"{where} has no number as its layer or label value: {error}"
        raise VolumeFileError(msg) from error
    term = _TERM.search(fields.get("Tags", ""))
    return _Header(fields["Name"], *numbers, Code(*term.groups()) if term else None)


def _expect_described(layers: tuple[Volume, ...], headers: list[_Header], path: Path) -> None:
    """Raise unless every segment has a layer and a value of its own, and every drawn voxel belongs to a segment."""
    owners: dict[tuple[int, int], str] = {}
    for header in headers:
        if not 0 <= header.layer < len(layers):
            msg = f"segment {header.name!r} of {path} is in layer {header.layer}, but the file has {len(layers)} layers"
            raise VolumeFileError(msg)
        place_of = (header.layer, header.value)
        if place_of in owners or header.value == 0:
            other = f"segment {owners[place_of]!r}" if header.value else "the background (0)"
            msg = f"segment {header.name!r} of {path} has the label value of {other}; save it in 3D Slicer again"
            raise VolumeFileError(msg)
        owners[place_of] = header.name
    for number, layer in enumerate(layers):
        strangers = _values(layer.array) - {value for at, value in owners if at == number} - {0}
        if strangers:
            msg = f"{path} has voxels of label value {min(strangers)} in layer {number}, which belong to no segment"
            raise VolumeFileError(msg)


def _values(array: NDArray[Any]) -> set[int]:
    return set(np.unique(array).tolist())
