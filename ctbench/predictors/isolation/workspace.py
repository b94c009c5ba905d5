"""`Workspace`: the folder that passes images to a third-party process."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ctbench.errors import StoreError
from ctbench.volume import Volume

__all__ = ["Workspace", "remove_tree"]

_PREFIX = "ctbench-predictor-"
_SETTLED_SECONDS = 60.0
"""A folder younger than this may not be locked by its owner yet."""


class Workspace:
    """A temporary folder with ``inputs`` and ``scratch``, locked as long as its owner lives.

    Folders whose owner was killed are removed when the next one is created, as they may hold a patient's image.
    Label maps come back through a pipe, so that a sandboxed process writes to no disk; ``scratch`` is used without a
    sandbox only.

    Raises:
        StoreError: It cannot be written, e.g. because the disk is full.
    """

    def __init__(self) -> None:
        import fcntl  # Unix only

        _sweep()
        with _full_disk():
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = os.open(self.path, os.O_RDONLY)
        with _full_disk(), self._removed_if_not_whole():
            fcntl.flock(self._lock, fcntl.LOCK_EX)
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


def remove_tree(folder: Path) -> None:
    """Remove a folder that third-party code wrote to, even without permissions or nested beyond Python's recursion."""
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            arguments = [*command, "--", str(folder)]
            subprocess.run(arguments, env={"PATH": os.defpath}, stderr=subprocess.DEVNULL, check=False)


def _sweep() -> None:
    """Remove the workspaces whose owner was killed."""
    import fcntl

    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # it has an owner, belongs to another user, or was removed meanwhile
            if time.time() - left.stat().st_mtime < _SETTLED_SECONDS:
                continue
            lock = os.open(left, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(left)
            finally:
                os.close(lock)
