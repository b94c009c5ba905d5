"""Read annotations of CVAT: "CVAT for images 1.1" (XML with shapes) and "Segmentation mask 1.1" (PNG of colours)."""

from __future__ import annotations

import warnings
from pathlib import Path
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from ctbench.annotations.shapes import Draw, Picture, Shape, bitmap, box, ellipse, numbers, polygon, runs
from ctbench.errors import CtbenchError, MissingFileError, VolumeFileError

__all__ = ["files_in_masks", "is_mask_folder", "read_cvat_masks", "read_cvat_xml"]

_COLOURS = "labelmap.txt"
_CLASSES = "SegmentationClass"
_PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"}
_UNKNOWN = {"cuboid", "skeleton"}
_BACKGROUND = 0

Attributes = dict[str, str]


def read_cvat_xml(path: Path) -> tuple[Picture, ...]:
    """Read the pictures of an XML file "CVAT for images 1.1", also those without a shape.

    Polygons, boxes, ellipses and masks have pixels; points, lines and tags have none. A shape with a higher ``z_order``
    lies above the others, else the later one of the file.

    Raises:
        VolumeFileError: It is damaged or another XML file, or has tracks ("CVAT for video"), cuboids or skeletons.
    """
    reader = _XmlReader(path)
    try:
        with path.open("rb") as file:
            reader.parser.ParseFile(file)
    except expat.ExpatError as error:
        msg = f"{path} cannot be read as XML of CVAT: {error}; export it again"
        raise VolumeFileError(msg) from error
    except (LookupError, UnicodeError) as error:
        msg = f"{path} cannot be read as XML of CVAT: its encoding is unknown; export it again"
        raise VolumeFileError(msg) from error
    return tuple(reader.pictures)


class _XmlReader:
    """Handlers of the elements of one file; ``pictures`` are those read so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pictures: list[Picture] = []
        self.shapes: list[tuple[float, Shape]] = []
        self.image: Attributes | None = None
        self.root = ""
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.StartDoctypeDeclHandler = self.refuse_entities

    def refuse_entities(self, *_: object) -> None:
        """Raise: entities could expand to any length, and CVAT writes none."""
        msg = f"{self.path} has a document type, which XML of CVAT has not; export it again"
        raise VolumeFileError(msg)

    def start(self, tag: str, attributes: Attributes) -> None:
        """Take an image, or a shape of the present one."""
        self.root = self.root or tag
        if self.root != "annotations":
            msg = f"{self.path} is XML with the root {self.root[:60]!r}; expected <annotations>, as CVAT exports it"
            raise VolumeFileError(msg)
        if tag == "track":
            msg = f"{self.path} has tracks (CVAT for video 1.1); export it as CVAT for images 1.1"
            raise VolumeFileError(msg)
        if tag == "image":
            self.image, self.shapes = attributes, []
        elif self.image is not None and tag in {*_DRAWN, *_UNKNOWN}:
            self.take(tag, attributes)

    def take(self, tag: str, attributes: Attributes) -> None:
        """Add a shape to the present image."""
        label = attributes.get("label", "")
        where = f"{self.path}, image {(self.image or {}).get('name', '')[-80:]!r}: the {tag} of {label[:60]!r}"
        if tag in _UNKNOWN or not label:
            msg = f"{where} has no area or no label; draw a polygon, a box, an ellipse or a mask instead"
            raise VolumeFileError(msg)
        try:
            draw = _DRAWN[tag](attributes, where)
            order = float(attributes.get("z_order", 0))
        except (KeyError, ValueError, OverflowError) as error:
            if isinstance(error, CtbenchError):
                raise
            msg = f"{where} has no valid {error}; export it again"
            raise VolumeFileError(msg) from error
        self.shapes.append((order, Shape(label, draw)))

    def end(self, tag: str) -> None:
        """Finish the present image."""
        if tag != "image" or self.image is None:
            return
        name = self.image.get("name", "")
        try:
            size = int(self.image["height"]), int(self.image["width"])
        except (KeyError, ValueError) as error:
            msg = f"{self.path}, image {name[-80:]!r} has no valid width and height; export it again"
            raise VolumeFileError(msg) from error
        ordered = sorted(self.shapes, key=lambda shape: shape[0])
        self.pictures.append(Picture((name,), tuple(shape for _, shape in ordered), size))
        self.image = None


def _polygon(attributes: Attributes, where: str) -> Draw:
    points = [point.split(",") for point in attributes["points"].split(";")]
    return polygon(numbers(points, 2, where), where)


def _box(attributes: Attributes, where: str) -> Draw:
    sides = [attributes[side] for side in ("xtl", "ytl", "xbr", "ybr")]
    left, top, right, bottom = numbers(sides, 4, where)[0]
    degrees = float(attributes.get("rotation", 0))
    return box((left, top), (right - left, bottom - top), degrees, ((left + right) / 2, (top + bottom) / 2), where)


def _ellipse(attributes: Attributes, where: str) -> Draw:
    x, y, across, down = numbers([attributes[name] for name in ("cx", "cy", "rx", "ry")], 4, where)[0]
    return ellipse((x, y), (across, down), float(attributes.get("rotation", 0)), where)


def _mask(attributes: Attributes, where: str) -> Draw:
    left, top, width, height = (int(attributes[name]) for name in ("left", "top", "width", "height"))
    counts = np.array([int(count) for count in attributes["rle"].split(",")], np.int64)
    return bitmap(runs(counts, (height, width), where), where, left=left, top=top)


_DRAWN = {"polygon": _polygon, "box": _box, "ellipse": _ellipse, "mask": _mask}


def is_mask_folder(path: Path) -> bool:
    """Return whether a folder holds pictures, as "Segmentation mask 1.1" does, and not DICOM files."""
    if not path.is_dir():
        return False
    names = [file.name for file in path.iterdir()]
    suffixes = {Path(name).suffix.lower() for name in names}
    return _CLASSES in names or (bool(suffixes & _PICTURES) and suffixes <= {*_PICTURES, ".txt"})


def read_cvat_masks(folder: Path) -> tuple[Picture, ...]:
    """Read the pictures of an export "Segmentation mask 1.1": the folder of the export, or its ``SegmentationClass``.

    Raises:
        MissingFileError: ``labelmap.txt``, which names the colours, is neither in the folder nor beside it.
        VolumeFileError: A picture is damaged or no PNG, or has a colour without a label.
    """
    (_, table), *files = files_in_masks(folder)
    labels = _read_colours(table)
    return tuple(_read_picture(file, name, labels, table) for name, file in files)


def files_in_masks(folder: Path) -> tuple[tuple[str, Path], ...]:
    """Return name and path of ``labelmap.txt`` and of the pictures of an export; raises as ``read_cvat_masks``."""
    classes = folder / _CLASSES if (folder / _CLASSES).is_dir() else folder
    places = (folder / _COLOURS, folder.parent / _COLOURS)
    table = next((place for place in places if place.is_file()), None)
    if table is None:
        msg = f"{folder} holds pictures without {_COLOURS}, which says what their colours mean, there or in the folder "
        msg += "above; export Segmentation mask 1.1 from CVAT and keep its files together"
        raise MissingFileError(msg)
    files = sorted(file for file in classes.rglob("*") if file.suffix.lower() in _PICTURES)
    return ((_COLOURS, table), *((str(file.relative_to(classes)), file) for file in files))


def _read_colours(path: Path) -> dict[int, str]:
    """Return the label of each colour, as 0xRRGGBB, in lines like ``iph:250,50,83::``."""
    labels: dict[int, str] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}; export it again"
        raise VolumeFileError(msg) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        label, _, rest = line.partition(":")
        channels = rest.partition(":")[0].split(",")
        valid = len(channels) == 3 and all(channel.strip().isdecimal() and int(channel) < 256 for channel in channels)
        colour = sum(int(channel) << shift for channel, shift in zip(channels, (16, 8, 0), strict=True)) if valid else 0
        if not valid or not label or colour in labels:
            msg = f"{path}, line {number}: {line[:60]!r} is not the colour of one label, as in iph:250,50,83::"
            raise VolumeFileError(msg)
        labels[colour] = label.strip()
    labels[_BACKGROUND] = ""
    return labels


def _read_picture(path: Path, name: str, labels: dict[int, str], table: Path) -> Picture:
    colours = _read_pixels(path)
    present = np.unique(colours)
    for colour in present:
        if int(colour) not in labels:
            red, green, blue = int(colour) >> 16, (int(colour) >> 8) & 255, int(colour) & 255
            msg = f"{path} has pixels of the colour {red},{green},{blue}, which {table} does not name; export it again"
            raise VolumeFileError(msg)
    named = [(labels[int(colour)], colour) for colour in present if colour != _BACKGROUND]
    shapes = [Shape(label, bitmap(colours == colour, f"{path}: {label}")) for label, colour in named]
    return Picture((name,), tuple(shapes), (colours.shape[0], colours.shape[1]))


def _read_pixels(path: Path) -> NDArray[np.uint32]:
    """Return the colour of each pixel as 0xRRGGBB."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow warns of pictures that are far too large
            with Image.open(path, formats=["PNG"]) as picture:
                rgb = np.asarray(picture.convert("RGB"), dtype=np.uint32)
    except Exception as error:  # a damaged file raises errors of many classes
        msg = f"{path} cannot be read as PNG: {' '.join(str(error).split())[:200] or type(error).__name__}"
        raise VolumeFileError(msg) from error
    return np.asarray(rgb @ np.array([1 << 16, 1 << 8, 1], np.uint32), dtype=np.uint32)
