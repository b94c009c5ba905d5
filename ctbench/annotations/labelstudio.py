"""Read annotations of Label Studio (JSON): polygons, rectangles, ellipses and brushes on pictures of slices."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.annotations.shapes import Draw, Picture, Shape, Size, bitmap, box, ellipse, numbers, polygon
from ctbench.errors import VolumeFileError

__all__ = ["decode_brush", "read_label_studio"]

_MOST_BYTES = 1 << 28
_PICTURE = re.compile(r"\.(png|jpe?g|tiff?|bmp|webp|gif|dcm|ima)\b", re.IGNORECASE)
_UPLOADED = re.compile(r"(?:.*/)?[0-9a-f]{8}-(?=[^/]*$)")
"""What Label Studio puts before the name of an uploaded picture."""
_GEOMETRY = ("points", "rle", "radiusX", "width")

Json = Mapping[str, Any]


def read_label_studio(path: Path) -> tuple[Picture, ...]:
    """Read the pictures of an export in the format JSON, also those without a shape.

    A task is one picture, or has several pages; a page without a name of its own is known by its number.

    Raises:
        VolumeFileError: It is damaged or another JSON file, or a task has the annotations of several people.
    """
    tasks = _read_json(path)
    pictures: list[Picture] = []
    for task in tasks if isinstance(tasks, list) else [tasks]:
        if not isinstance(task, dict) or not isinstance(task.get("data"), dict) or "annotations" not in task:
            msg = f"{path} is no export of Label Studio in the format JSON: expected tasks with data and annotations"
            raise VolumeFileError(msg)
        try:
            pictures += _pictures_of(task, f"{path}, task {task.get('id')}")
        except (TypeError, AttributeError, KeyError, ValueError, OverflowError, IndexError) as error:
            if isinstance(error, VolumeFileError):
                raise
            msg = f"{path}, task {task.get('id')} is damaged ({type(error).__name__}: {error}); export it again"
            raise VolumeFileError(msg) from error
    return tuple(pictures)


def _read_json(path: Path) -> Any:
    try:
        if path.stat().st_size > _MOST_BYTES:
            msg = f"{path} is larger than {_MOST_BYTES >> 20} MiB; export fewer tasks at a time"
            raise VolumeFileError(msg)
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        if isinstance(error, VolumeFileError):
            raise
        msg = f"{path} cannot be read as JSON of Label Studio: {str(error)[:200]}; export it again"
        raise VolumeFileError(msg) from error


def _pictures_of(task: Json, where: str) -> Iterator[Picture]:
    """Yield the pictures of a task: its only one, its pages by name, or by number those on which something is drawn."""
    regions: dict[int | None, list[Json]] = defaultdict(list)
    for region in _regions(task, where):
        page = region.get("item_index")
        regions[None if page is None else int(page)].append(region)
    names = [value for value in task["data"].values() if isinstance(value, str)]
    lists = [value for value in task["data"].values() if isinstance(value, list) and _all_names(value)]
    pages = max((len(one) for one in lists), default=0)
    # A list of one page may have regions without a number.
    if pages == 1 and None in regions:
        regions[0] += regions.pop(None)
    if (None in regions and len(regions) > 1) or any(page is not None and page < 0 for page in regions):
        msg = f"{where} has regions with and without a number of a page, or a negative one; export it again"
        raise VolumeFileError(msg)
    if max((page for page in regions if page is not None), default=-1) < pages and None not in regions and pages:
        for page in range(pages):
            named = [one[page] for one in lists if page < len(one)]
            yield _picture(_name_candidates(named), regions.get(page, []), None, where)
        return
    for page, drawn in (regions or {None: []}).items():
        yield _picture(_name_candidates(names), drawn, page, where)


def _all_names(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, str) for value in values)


def _name_candidates(names: list[str]) -> tuple[str, ...]:
    """Return the names of pictures among some texts, all of them if none has such a suffix, without upload prefixes."""
    pictures = [name for name in names if _PICTURE.search(name)] or names
    return tuple(_UPLOADED.sub("", name) for name in pictures)


def _picture(names: tuple[str, ...], regions: list[Json], page: int | None, where: str) -> Picture:
    sizes = {(int(region["original_height"]), int(region["original_width"])) for region in regions}
    if len(sizes) > 1 or any(not 0 < side < 1 << 16 for size in sizes for side in size):
        msg = f"{where} has regions on pictures of the sizes {sorted(sizes)[:3]} (rows, columns); export it again"
        raise VolumeFileError(msg)
    size = next(iter(sizes), None)
    shapes = [shape for region in regions for shape in _shapes(region, size or (0, 0), where)]
    return Picture(names, tuple(shapes), size, page)


def _regions(task: Json, where: str) -> list[Json]:
    """Return the regions of a task that have an area and names, in the order of the file."""
    annotations = [one for one in task["annotations"] if not one.get("was_cancelled")]
    if len(annotations) > 1:
        people = ", ".join(str(one.get("completed_by", one.get("id"))) for one in annotations[:5])
        msg = f"{where} has the annotations of {len(annotations)} people ({people}); export one file for each of them"
        raise VolumeFileError(msg)
    results = [region for one in annotations for region in one["result"] if _has_area(region, where)]
    named = {region.get("id") for region in results if _labels(region)}
    for region in results:
        if not _labels(region) and region.get("id") not in named:
            msg = f"{where} has a region ({region.get('type')}) without a label; label it and export it again"
            raise VolumeFileError(msg)
    return [region for region in results if _labels(region)]


def _has_area(region: Json, where: str) -> bool:
    value = region.get("value")
    if value is not None and not isinstance(value, dict):
        msg = f"the value of a region is {str(value)[:60]}"
        raise TypeError(msg)
    if not value or not any(key in value for key in (*_GEOMETRY, "sequence")):
        return False  # a choice, a text, a relation
    if "sequence" in value or region.get("image_rotation"):
        what = "of a video" if "sequence" in value else "on a picture that was rotated"
        msg = f"{where} has a region {what}, which is not supported; annotate pictures that are not rotated"
        raise VolumeFileError(msg)
    return not str(region.get("type", "")).startswith(("keypoint", "vector"))


def _labels(region: Json) -> list[str]:
    """Return the names of a region, whatever its kind: under ``polygonlabels``, ``brushlabels``, ``labels``."""
    return [str(name) for key, names in region["value"].items() if key.endswith("labels") for name in names]


def _shapes(region: Json, size: Size, where: str) -> Iterator[Shape]:
    for label in _labels(region):
        yield Shape(label, _drawn(region["value"], size, f"{where}: the {region.get('type')} of {label[:60]!r}"))


def _drawn(value: Json, size: Size, where: str) -> Draw:
    """Return how to draw a region; its coordinates are per cent of the picture's width and height."""
    per_cent = np.array([size[1], size[0]]) / 100.0
    degrees = float(value.get("rotation") or 0)
    if "rle" in value:
        if value.get("format", "rle") != "rle":
            msg = f"{where} has the format {value['format']!r}; expected rle"
            raise VolumeFileError(msg)
        return _brush(np.asarray(value["rle"], dtype=np.uint8), where)
    if "points" in value:
        return polygon(numbers(value["points"], 2, where) * per_cent, where)
    x, y = numbers([value["x"], value["y"]], 2, where)[0] * per_cent
    if "radiusX" in value:
        radii = numbers([value["radiusX"], value["radiusY"]], 2, where)[0] * per_cent
        return ellipse((x, y), (radii[0], radii[1]), degrees, where)
    width, height = numbers([value["width"], value["height"]], 2, where)[0] * per_cent
    return box((x, y), (width, height), degrees, (x, y), where)


def _brush(packed: NDArray[np.uint8], where: str) -> Draw:
    def draw(size: Size) -> NDArray[np.bool_]:
        return bitmap(decode_brush(packed, size, where), where)(size)

    return draw


def decode_brush(packed: NDArray[np.uint8], size: Size, where: str) -> NDArray[np.bool_]:
    """Return the mask of a brush: where the opacity of its picture is not 0.

    Label Studio packs the red, green, blue and opacity of all pixels with the format of the package rle-pack: 32 bits
    number of values, 5 bits length of a value minus 1, four times 4 bits length of a count minus 1; then blocks of
    1 bit (1: one value repeated, 0: single values), 2 bits (which length of the count), count minus 1, and the values.

    Args:
        packed: The bytes.
        size: Rows and columns of the picture.
        where: Name of the shape in messages.

    Raises:
        VolumeFileError: The bytes are another number of values, or end too early.
    """
    bits = np.unpackbits(packed)
    total, place = _number(bits, 0, 32), 32
    if total != size[0] * size[1] * 4:
        msg = f"{where} has a brush of {total} values; expected 4 for each of {size[0]} x {size[1]} pixels"
        raise VolumeFileError(msg)
    word = _number(bits, place, 5) + 1
    lengths = [_number(bits, place + 5 + 4 * at, 4) + 1 for at in range(4)]
    place += 21
    values, filled = np.zeros(total, dtype=bool), 0
    while filled < total:
        if place >= bits.size:
            msg = f"{where} has a brush whose data ends after {filled} of {total} values; export it again"
            raise VolumeFileError(msg)
        repeated, length = bits[place], lengths[_number(bits, place + 1, 2)]
        count = _number(bits, place + 3, length) + 1
        place += 3 + length
        stored = 1 if repeated else count
        words = bits[place : place + stored * word]
        if words.size < stored * word or filled + count > total:
            msg = f"{where} has a brush whose data is damaged after {filled} of {total} values; export it again"
            raise VolumeFileError(msg)
        values[filled : filled + count] = words.reshape(stored, word).any(axis=1)
        place, filled = place + stored * word, filled + count
    return values.reshape(*size, 4)[..., 3].copy()


def _number(bits: NDArray[np.uint8], start: int, length: int) -> int:
    number = 0
    for bit in bits[start : start + length].tolist():
        number = number << 1 | bit
    return number
