"""Decompression of gzip and zlib data in chunks, with their checksums."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ctbench.errors import VolumeFileError

__all__ = ["CHUNK", "inflated"]

CHUNK = 1 << 16
"""Bytes that are read at once."""

_PIECE = 1 << 20
"""Bytes that are inflated at once: those that are read may stand for a thousand times as many."""


def inflated(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Inflate gzip or zlib members until the end of the file; zeros after them are padding.

    Args:
        file: The open file, from whose place on data are read.
        path: Its path, for messages.

    Raises:
        VolumeFileError: The data are damaged or truncated.
    """
    inflater = zlib.decompressobj(wbits=47)
    try:
        while chunk := file.read(CHUNK):
            while chunk:
                yield from _pieces(inflater, chunk)
                chunk = inflater.unused_data.lstrip(b"\0")
                if chunk:
                    inflater = zlib.decompressobj(wbits=47)
    except zlib.error as error:
        msg = f"{path} is damaged: its compressed data cannot be inflated ({error}); copy or export it again"
        raise VolumeFileError(msg) from error
    if not inflater.eof:
        msg = f"{path} is truncated: its compressed data ends early; copy or export it again"
        raise VolumeFileError(msg)


def _pieces(inflater: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    piece = inflater.decompress(chunk, _PIECE)
    yield piece
    while len(piece) == _PIECE and not inflater.eof:
        piece = inflater.decompress(inflater.unconsumed_tail, _PIECE)
        yield piece
