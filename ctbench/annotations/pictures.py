"""Annotated pictures (CVAT, Label Studio) on the image: which slice each is, and how its rows and columns lie."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ctbench.annotations.cvat import files_in_masks, is_mask_folder, read_cvat_masks, read_cvat_xml
from ctbench.annotations.labelstudio import read_label_studio
from ctbench.annotations.segments import Segment
from ctbench.annotations.shapes import Picture
from ctbench.errors import GeometryError, VolumeFileError
from ctbench.notices import warn_once
from ctbench.volume import Geometry

__all__ = [
    "AS_STORED",
    "PICTURE_FILES",
    "Pictures",
    "is_of_pictures",
    "on_slices",
    "picture_files",
    "picture_names",
    "read_pictures",
]

PICTURE_FILES = (".json", ".xml")
"""Suffixes of files that hold the annotations of pictures: of Label Studio, and of CVAT."""
AS_STORED = ("z", "y", "x")

_MOST_FILES = 32
"""Files kept in memory: cases are read one after the other, each by all readers, who may have one file each."""

_FOLDERS = re.compile(r"[/\\]|\?d=")
_SUFFIXES = re.compile(r"(\.[A-Za-z]\w{0,4})+$")
_LAST_NUMBER = re.compile(r"(\d{1,6})\D*$")
_FIELD = re.compile(r"(\{case\}|\{slice\}|\*)")


@dataclass(frozen=True)
class Pictures:
    """Which slice of the image a picture is, and how its rows and columns lie on that slice.

    Args:
        name: Pattern of the end of the pictures' names, e.g. ``{case}/{slice}.png``; ``*`` stands for any text within
            one part of a path. Default: the last number of the name is the slice.
        first: Number of the first slice, 0 or 1. Default: what the numbers themselves tell.
        axes: Axes of the image along which slices, rows and columns of the pictures are counted; ``-`` before one means
            from its other end. ``z``, ``y`` and ``x`` are the stored axes nearest to the body's long axis, front to
            back, and left to right, each in the direction in which the image's file stores it. Default: z, y, x.
    """

    name: str | None = None
    first: int | None = None
    axes: tuple[str, str, str] | None = None


def is_of_pictures(path: Path) -> bool:
    """Return whether a file or folder holds annotations of pictures, by its suffix or the suffixes in it."""
    return path.suffix.lower() in PICTURE_FILES or is_mask_folder(path)


def picture_files(path: Path) -> tuple[tuple[str, Path], ...]:
    """Return name and path of each file below a folder of pictures that is read."""
    return files_in_masks(path)


def read_pictures(path: Path) -> tuple[Picture, ...]:
    """Read the annotated pictures of a file or folder; kept in memory for the next case of the same file.

    Raises:
        VolumeFileError: It is damaged or of another program.
    """
    if path.is_dir():
        return read_cvat_masks(path)
    stated = path.stat()
    return _read_file(path, stated.st_mtime_ns, stated.st_size)


@lru_cache(maxsize=_MOST_FILES)
def _read_file(path: Path, _changed_ns: int, _size: int) -> tuple[Picture, ...]:
    return read_label_studio(path) if path.suffix.lower() == ".json" else read_cvat_xml(path)


def picture_names(path: Path) -> tuple[str, ...]:
    """Return the names of all labels in a file or folder, in the order of their first appearance."""
    return tuple(dict.fromkeys(shape.label for picture in read_pictures(path) for shape in picture.shapes))


def on_slices(
    path: Path, image: Geometry, image_name: str, *, rule: Pictures | None = None, case: str | None = None
) -> list[Segment]:
    """Read the shapes of a case's pictures as segments on the grid of its image, one for each shape.

    A pixel belongs to a shape if its centre is inside, or on the line. Slices without a picture are empty.

    Args:
        path: File or folder of pictures.
        image: Grid of the image.
        image_name: Name of the image in messages.
        rule: Which slice each picture is. Default: by the last number in its name.
        case: The case of a file that holds several. Default None: all pictures are of this case.

    Raises:
        VolumeFileError: The slice of a picture cannot be known, or two pictures are of one slice.
        GeometryError: A picture has another size than the slices, or a number beyond the last slice.
    """
    rule = rule or Pictures()
    axes = _axes(rule, path)
    found = [(picture, _number(picture, rule, case, path)) for picture in read_pictures(path)]
    mine = [(picture, number) for picture, number in found if number is not None]
    if not mine:
        whose = f"of case {case!r}; if this reader has not read it, say so in the column readers of the case table"
        msg = f"{path} has no picture {whose if case else 'whose name has a number'}, or state pictures: {{name: ...}} "
        msg += f"in the data set's YAML; its pictures: {_listed(str(picture) for picture, _ in found)}"
        raise VolumeFileError(msg)
    count = image.shape[axes[0][0]]
    first = _first(mine, count, rule, path)
    segments = []
    for picture, number in mine:
        index = number - first
        if not 0 <= index < count:
            msg = f"{path}: picture {picture} has the number {number}, but {image_name} has {count} slices, which are "
            msg += f"counted from {first}; state pictures: {{first: ...}} in the data set's YAML"
            raise GeometryError(msg)
        _expect_size(picture, image, axes, path, image_name)
        for shape in picture.shapes:
            mask = shape.draw(picture.size or (0, 0))
            segments.append(_segment(shape.label, mask, index, image, axes))
    return segments


SignedAxes = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""Axis of the image and direction, 1 or -1, of slices, rows and columns."""


def _axes(rule: Pictures, path: Path) -> SignedAxes:
    if rule.axes is None:
        warn_once(
            f"{path} does not state how its pictures lie: their rows are taken along y, their columns along x and "
            "their numbers along z, as the image stores them; state pictures: {axes: [z, y, x]} in the data set's YAML",
            about="axes of pictures",
        )
    slices, rows, columns = (
        ("zyx".index(axis.removeprefix("-")), -1 if axis.startswith("-") else 1) for axis in rule.axes or AS_STORED
    )
    return slices, rows, columns


def _number(picture: Picture, rule: Pictures, case: str | None, path: Path) -> int | None:
    """Return the number of a picture, None if it is of another case."""
    by_name = _by_default if rule.name is None else _by_pattern
    found = [by_name(name, rule, case, paged=picture.page is not None) for name in picture.names]
    numbers = sorted({number for number in found if number is not None})
    if picture.page is not None:
        return picture.page if numbers or (case is None and rule.name is None) else None
    if not numbers and case is None:
        msg = f"{path}: the name of picture {picture} does not say which slice it is; "
        msg += "state pictures: {name: '*{slice}.png'} in the data set's YAML"
        raise VolumeFileError(msg)
    if len(numbers) > 1:
        msg = f"{path}: picture {picture} may be slice {' or '.join(map(str, numbers))}; "
        msg += "state pictures: {name: ...} in the data set's YAML"
        raise VolumeFileError(msg)
    return numbers[0] if numbers else None


def _by_default(name: str, _: Pictures, case: str | None, *, paged: bool) -> int | None:
    """Return the last number in a name, if its folder, or its name without the number, is that of the case."""
    *folders, last = _FOLDERS.split(name)
    stem = _SUFFIXES.sub("", last)
    if paged:
        return 0 if case in {None, last, stem, *folders[-1:]} else None
    found = _LAST_NUMBER.search(stem)
    if found is None or (case not in {None, *folders[-1:]} and stem[: found.start()].rstrip("_-. ") != case):
        return None
    return int(found[1])


def _by_pattern(name: str, rule: Pictures, case: str | None, *, paged: bool) -> int | None:
    parts, expression = _expression(rule.name or "", case)
    found = expression.fullmatch("/".join(_FOLDERS.split(name)[-parts:]))
    if found is None:
        return None
    return 0 if paged else int(found["slice"])


@lru_cache
def _expression(pattern: str, case: str | None) -> tuple[int, re.Pattern[str]]:
    """Return how many parts of a path a pattern has, and an expression for them."""
    parts = pattern.split("/")
    groups = {"{case}": re.escape(case) if case else r"[^/]+", "{slice}": r"(?P<slice>\d{1,6})", "*": r"[^/]*?"}
    pieces = ["".join(groups.get(piece, re.escape(piece)) for piece in _FIELD.split(part)) for part in parts]
    return len(parts), re.compile("/".join(pieces))


def _first(mine: Sequence[tuple[Picture, int]], count: int, rule: Pictures, path: Path) -> int:
    """Return the number of the first slice: as stated, else 0 if a picture has it, or 1 if one counts to the last."""
    numbers = [number for _, number in mine]
    twice = next((number for at, number in enumerate(numbers) if number in numbers[:at]), None)
    if twice is not None:
        one, other = [str(picture) for picture, number in mine if number == twice][:2]
        msg = f"{path}: the pictures {one} and {other} both have the number {twice}; "
        msg += "state pictures: {name: ...} in the data set's YAML, or export one file for each case"
        raise VolumeFileError(msg)
    if rule.first is not None:
        return rule.first
    if 0 in numbers or any(picture.page is not None for picture, _ in mine):
        return 0
    if count in numbers:
        return 1
    msg = f"{path} has pictures from number {min(numbers)} to {max(numbers)} of {count} slices, which does not tell "
    msg += "whether the first slice is 0 or 1; state pictures: {first: 0} or {first: 1} in the data set's YAML"
    raise VolumeFileError(msg)


def _expect_size(picture: Picture, image: Geometry, axes: SignedAxes, path: Path, image_name: str) -> None:
    expected = image.shape[axes[1][0]], image.shape[axes[2][0]]
    if picture.size not in {None, expected}:
        rows, columns = picture.size or (0, 0)
        msg = f"{path}: picture {picture} has {rows} x {columns} pixels (rows x columns), expected {expected[0]} x "
        msg += f"{expected[1]}, as the slices of {image_name}; annotate the slices as they are, without scaling"
        raise GeometryError(msg)


def _segment(label: str, mask: NDArray[np.bool_], index: int, image: Geometry, axes: SignedAxes) -> Segment:
    """Return the mask of a picture as a segment: turned onto the axes of the image, and cropped to what is drawn."""
    (along, forwards), (down, downwards), (across, rightwards) = axes
    turned = mask[::downwards, ::rightwards]
    if down > across:
        turned = turned.T
    drawn = [np.flatnonzero(turned.any(axis=axis)) for axis in (1, 0)]
    window = [slice(int(places[0]), int(places[-1]) + 1) if places.size else slice(0) for places in drawn]
    at = index if forwards > 0 else image.shape[along] - 1 - index
    region = window.copy()
    region.insert(along, slice(at, at + 1))
    return Segment(label, np.expand_dims(turned[tuple(window)], along), at=(region[0], region[1], region[2]))


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "") or "none"
