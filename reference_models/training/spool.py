"""Training examples kept in a temporary file, for cohorts that are larger than memory."""

from __future__ import annotations

import tempfile
import weakref
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import StoreError
from reference_models.training.examples import Example

__all__ = ["Spool"]

_ALIGNED = 16


class _Place(NamedTuple):
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Spool:
    """Examples written one after the other to a file without a name, which ends with the process.

    The operating system reads the parts that are looked at, and keeps of them what fits into memory.

    Args:
        folder: Folder on a disk with room for all; None: that of temporary files (``TMPDIR``).

    Raises:
        StoreError: The folder cannot be written.
    """

    def __init__(self, folder: Path | None = None) -> None:
        try:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # lives as long as the spool
        except OSError as error:
            msg = f"examples cannot be kept in {folder or tempfile.gettempdir()}: {error.strerror}"
            raise StoreError(msg) from error
        weakref.finalize(self, self._file.close)
        self._places: list[tuple[_Place, ...]] = []

    def keep(self, example: Example) -> None:
        """Write an example, whose parts may differ in shape.

        Raises:
            StoreError: The disk is full.
        """
        parts: tuple[NDArray[Any], ...] = (example.image, example.target, example.counted)
        self._places.append(tuple(self._written(part) for part in parts))

    def examples(self) -> list[Example]:
        """Return all examples, in their order, as read-only views of the file."""
        self._file.flush()
        if not self._places:
            return []
        content = np.asarray(np.memmap(self._file, np.uint8, mode="r"))
        return [Example(*(_view(content, place) for place in places)) for places in self._places]

    def _written(self, array: NDArray[Any]) -> _Place:
        try:
            offset = self._file.seek(-(-self._file.tell() // _ALIGNED) * _ALIGNED)
            self._file.write(np.ascontiguousarray(array).data)
        except OSError as error:
            msg = f"examples cannot be kept on the disk: {error.strerror}; set TMPDIR to a folder with more room"
            raise StoreError(msg) from error
        return _Place(offset, array.shape, array.dtype)


def _view(content: NDArray[np.uint8], place: _Place) -> NDArray[Any]:
    size = int(np.prod(place.shape)) * place.dtype.itemsize
    return content[place.offset : place.offset + size].view(place.dtype).reshape(place.shape)
