"""`Workspace`: the folder that passes images to a third-party process."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ctbench.errors import StoreError
from ctbench.temporary import lock_folder, remove_abandoned, remove_tree
from ctbench.volume import Volume

__all__ = ["Workspace"]

_PREFIX = "ctbench-predictor-"


class Workspace:
    """A temporary folder with ``inputs`` and ``scratch``, locked as long as its owner lives.

    Folders whose owner was killed are removed when the next one is created, as they may hold a patient's image.
    Label maps come back through a pipe, so that a sandboxed process writes to no disk; ``scratch`` is used without a
    sandbox only.

    Raises:
        StoreError: It cannot be written, e.g. because the disk is full.
    """

    def __init__(self) -> None:
        remove_abandoned(_PREFIX)
        with _full_disk():
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = lock_folder(self.path)
        with _full_disk(), self._removed_if_not_whole():
            self.inputs, self.scratch = (self.path / name for name in ("in", "scratch"))
            for folder in (self.inputs, self.scratch):
                folder.mkdir()
                folder.chmod(0o755)

    def put(self, image: Volume) -> dict[str, Any]:
        """Write an image's voxels as raw bytes; return path, dtype, shape and geometry, from which they are read.

        Raises:
            StoreError: They cannot be written, e.g. because the disk is full.
        """
        path = self.inputs / "image"
        with _full_disk():
            np.ascontiguousarray(image.array).tofile(path)
            path.chmod(0o644)
        return {
            "path": str(path),
            "dtype": image.array.dtype.str,
            "shape": image.shape,
            "spacing_mm": image.spacing_mm,
            "origin_mm": image.origin_mm,
            "direction": image.direction.tolist(),
            "stored_axes": image.stored_axes,
        }

    def clear(self) -> None:
        """Delete the image of a case before the next one."""
        for entry in self.inputs.iterdir():
            if entry.is_dir() and not entry.is_symlink():  # of a predictor without a sandbox
                remove_tree(entry)
            else:
                entry.unlink()

    @contextlib.contextmanager
    def _removed_if_not_whole(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove the folder and all its content; no process may use it any more."""
        remove_tree(self.path)
        if self._lock is not None:
            os.close(self._lock)


@contextlib.contextmanager
def _full_disk() -> Iterator[None]:
    """Raise ``StoreError`` where the folder of temporary files cannot be written: no fault of a predictor."""
    try:
        yield
    except OSError as error:
        where = tempfile.gettempdir()
        msg = f"cannot write temporary files in {where}: {error.strerror or error}; free some space, or set TMPDIR"
        raise StoreError(msg) from error
