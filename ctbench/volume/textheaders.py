"""Text headers of NRRD (.nrrd, .nhdr) and MetaImage (.mha, .mhd) files: fields, spacing, and unit of length."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

from ctbench.errors import VolumeFileError
from ctbench.volume.inflating import CHUNK
from ctbench.volume.signatures import described_content

__all__ = ["TextHeader", "check_meta_grid", "check_nrrd_grid", "is_meta_name", "read_meta_header", "read_nrrd_header"]

_META_PLACES = (
    "ElementSpacing",
    "ElementSize",
    "Offset",
    "Origin",
    "Position",
    "Orientation",
    "Rotation",
    "TransformMatrix",
)
_MICRO = ("\N{MICRO SIGN}m", "\N{GREEK SMALL LETTER MU}m")
_MM_PER_UNIT = {
    1.0: ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    0.001: ("um", *_MICRO, "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres"),
    1000.0: ("m", "meter", "meters", "metre", "metres"),
}
_UNITS = {name: millimetres for millimetres, names in _MM_PER_UNIT.items() for name in names}
_QUOTED = re.compile(r'"([^"]*)"')


class TextHeader(NamedTuple):
    """The fields of a text header, and where it ends.

    Attributes:
        fields: Name -> value, as written.
        end: Offset of the first byte after the header.
    """

    fields: dict[str, str]
    end: int


def is_meta_name(path: Path) -> bool:
    """Return whether a file is a MetaImage by its name."""
    return path.suffix.lower() in {".mha", ".mhd"}


def read_meta_header(path: Path) -> TextHeader:
    """Read the header of a MetaImage; raises ``VolumeFileError`` if it lacks a field."""
    header = _read(path, "=", is_last=lambda line: line.startswith(b"ElementDataFile"))
    _expect_fields(path, header.fields, "MetaImage", "NDims", "DimSize", "ElementType", "ElementDataFile")
    return header


def read_nrrd_header(path: Path) -> TextHeader:
    """Read the header of a NRRD file; raises ``VolumeFileError`` if it lacks a field."""
    header = _read(path, ":", is_last=lambda line: not line.strip())
    _expect_fields(path, header.fields, "NRRD", "type", "sizes", "encoding")
    return header


def check_meta_grid(path: Path, fields: dict[str, str]) -> float:
    """Check the spacing and places in the header of a MetaImage, and return the millimetres of its unit of length.

    Raises:
        VolumeFileError: The header states no spacing, a number that is not finite, or an unknown unit.
    """
    for name in _META_PLACES:
        _expect_finite(path, name, _numbers(path, fields.get(name, "")))
    if not fields.keys() & {"ElementSpacing", "ElementSize"}:
        _refuse_without_spacing(path, "ElementSpacing = 0.5 0.5 5")
    unit = fields.get("DistanceUnits", "")
    return _millimetres(path, "DistanceUnits", [] if unit in {"", "?", "UNKNOWN"} else [unit])


def check_nrrd_grid(path: Path, fields: dict[str, str]) -> float:
    """Check the spacing in the header of a NRRD file, and return the millimetres of its unit of length.

    Raises:
        VolumeFileError: The header states no spacing, one that is not positive, or an unknown unit.
    """
    if "space directions" in fields:
        name, unit = "space units", fields.get("space units", "")
    elif "spacings" in fields:
        name, unit = "units", fields.get("units", "")
        spacings = _numbers(path, fields["spacings"])[:3]
        _expect_finite(path, "spacings", spacings)
        if min(spacings, default=0.0) <= 0:
            msg = f"{path} has spacings {fields['spacings'][:60]} in its header; expected positive numbers"
            raise VolumeFileError(msg)
    else:
        _refuse_without_spacing(path, "spacings: 0.5 0.5 5")
    return _millimetres(path, name, _QUOTED.findall(unit) or unit.split())


def _millimetres(path: Path, field: str, units: list[str]) -> float:
    """Return the millimetres of the one unit of all axes; axes without a unit are in mm."""
    # The header was read as Latin-1, but units may be in UTF-8.
    names = {unit.strip().encode("latin-1").decode(errors="replace") for unit in units}
    names -= {"", "???", "none"}
    found = {_UNITS.get(name.lower()) for name in names} or {1.0}
    if len(found) > 1 or None in found:
        msg = (
            f"{path} has {field} {', '.join(sorted(names))[:60]!r} in its header; expected one unit of mm, um or m for "
            "all axes. Convert its spacing and origin to mm"
        )
        raise VolumeFileError(msg)
    (millimetres,) = found
    assert millimetres is not None
    return millimetres


def _refuse_without_spacing(path: Path, example: str) -> NoReturn:
    msg = f"{path} states no spacing in its header; add the line {example!r} with the distances of its voxels in mm"
    raise VolumeFileError(msg)


def _read(path: Path, separator: str, is_last: Callable[[bytes], bool]) -> TextHeader:
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        # Limit the length: a file without a header may have no line ends.
        while line := file.readline(CHUNK):
            key, _, value = line.decode("latin-1").partition(separator)
            fields[key.strip()] = value.strip()
            if is_last(line):
                break
        return TextHeader(fields, file.tell())


def _expect_fields(path: Path, fields: dict[str, str], kind: str, *names: str) -> None:
    missing = [name for name in names if not fields.get(name)]
    if not missing:
        return
    content = described_content(path)
    why = f"its content is {content}" if content else f"its header lacks {', '.join(missing)}; export it again"
    msg = f"{path} is not a {kind} file: {why}"
    raise VolumeFileError(msg)


def _expect_finite(path: Path, name: str, values: list[float]) -> None:
    """Raise unless all values are finite: ITK reads some NaN as 0, and a spacing of NaN as 1."""
    if not all(map(math.isfinite, values)):
        msg = f"{path} has NaN or infinity in {name} of its header; export it again"
        raise VolumeFileError(msg)


def _numbers(path: Path, text: str) -> list[float]:
    try:
        return [float(word) for word in text.split()]
    except ValueError as error:
        msg = f"{path} has {text[:60]!r} in its header, where numbers should be; export it again"
        raise VolumeFileError(msg) from error
