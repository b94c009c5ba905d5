"""Sizes of the compressed frames of a DICOM file, by their own headers (JPEG, JPEG-LS, JPEG 2000).

A decoder takes memory by the size that stands in the frame, which may be another one than that of the file's header.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from ctbench.errors import VolumeFileError

__all__ = ["expect_no_larger_frames"]

_COMPRESSED = re.compile(rb"\x02\x00\x10\x00UI..1\.2\.840\.10008\.1\.2\.(?:4\.|5\0)", re.DOTALL)
_PIXELS = re.compile(rb"\xe0\x7f\x10\x00(?:O[BW]\0\0|UN\0\0)?\xff\xff\xff\xff")
"""Tag PixelData, perhaps its type, and the length that says that frames follow one by one (PS3.5, A.4)."""
_MOST_PLACES = 16
_ITEM = b"\xfe\xff\x00\xe0"

_JPEG = b"\xff\xd8"
_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG (ITU T.81, table B.1) and JPEG-LS (T.87) that a frame's size follows."""
_WITHOUT_LENGTH = {0x01, 0xD8, *range(0xD0, 0xD8)}
_SCAN, _END = 0xDA, 0xD9

_SIZE_OF_JPEG_2000 = re.compile(rb"\xff\x4f\xff\x51")
_SIZES = struct.Struct(">HH8IH")
"""Length, capabilities, size, offset, size and offset of tiles, number of components (ITU T.800, A.5.1)."""


def expect_no_larger_frames(path: Path, rows: int, columns: int) -> None:
    """Check that no compressed frame of a DICOM file has more pixels than its header says, before one is decoded.

    Frames of RLE have no size of their own.

    Args:
        path: The file.
        rows: Rows of a frame by the header.
        columns: Columns of a frame by the header.

    Raises:
        VolumeFileError: A frame is larger or states no size, or there is none although the header says that pixels are
            compressed.
    """
    content = path.read_bytes()
    found = [match.end() for match in _PIXELS.finditer(content)]
    if len(found) > _MOST_PLACES or (not found and _COMPRESSED.search(content)):
        msg = f"{path} holds compressed pixels in {len(found)} places; expected one, and icons; export it again"
        raise VolumeFileError(msg)
    for start in found:
        for frame in _frames(list(_fragments(content, start))):
            for width, height, components in _sizes(frame, path):
                if width * height * components > rows * columns:
                    msg = (
                        f"{path} holds a compressed frame of {width} x {height} pixels of {components} numbers, but "
                        f"its header says {columns} x {rows} of one; export it again"
                    )
                    raise VolumeFileError(msg)


def _frames(fragments: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the frames that fragments make up; those of JPEG 2000 and RLE all in one, as any may go on in the next."""
    begins = [at for at, one in enumerate(fragments) if at == 0 or one.startswith(_JPEG)]
    for at, end in pairwise([*begins, len(fragments)]):
        yield b"".join(fragments[at:end])


def _fragments(content: bytes, start: int) -> Iterator[bytes]:
    """Yield the fragments of pixel data, without the table of offsets before them."""
    is_table = True
    while content[start : start + 4] == _ITEM and start + 8 <= len(content):
        (length,) = struct.unpack_from("<I", content, start + 4)
        if not is_table:
            yield content[start + 8 : start + 8 + length]
        is_table, start = False, start + 8 + length


def _sizes(frame: bytes, path: Path) -> Iterator[tuple[int, int, int]]:
    """Yield width, height and components by each header in a frame; nothing for RLE and what is no known format."""
    if frame.startswith(_JPEG):
        yield from _sizes_of_jpeg(frame, path)
        return
    for match in _SIZE_OF_JPEG_2000.finditer(frame):
        if match.end() + _SIZES.size <= len(frame):
            length, _, right, bottom, left, top, *_, components = _SIZES.unpack_from(frame, match.end())
            if length == 38 + 3 * components:  # else these four bytes came about by chance
                yield max(0, right - left), max(0, bottom - top), components


def _sizes_of_jpeg(frame: bytes, path: Path) -> Iterator[tuple[int, int, int]]:
    """Yield width, height and components by each frame header before the first scan."""
    at, found = 2, False
    while (at := frame.find(b"\xff", at)) >= 0 and at + 1 < len(frame):
        marker = frame[at + 1]
        at += 1 if marker == 0xFF else 2
        if marker in {0, 0xFF} | _WITHOUT_LENGTH:
            continue
        if marker in {_SCAN, _END} or at + 8 > len(frame):
            break
        if marker in _START_OF_FRAME:
            height, width, components = struct.unpack_from(">HHB", frame, at + 3)
            found = True
            yield width, height, components
        at += struct.unpack_from(">H", frame, at)[0]
    if not found:
        msg = f"{path} holds a JPEG frame that states no size; export it again"
        raise VolumeFileError(msg)
