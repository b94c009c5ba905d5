"""`Workspace`: the folder that passes images to a third-party process and label maps back."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import ContractError, StoreError
from ctbench.volume import Volume

__all__ = ["Workspace", "remove_tree"]

_PREFIX = "ctbench-predictor-"
_SETTLED_SECONDS = 60.0
"""A folder younger than this may not be locked by its owner yet."""


class Workspace:
    """A temporary folder with ``inputs``, ``output`` and ``scratch``, locked as long as its owner lives.

    Folders whose owner was killed are removed when the next one is created, as they may hold a patient's image.

    Args:
        user: Id of the user who may write to ``output``; None: this user.

    Raises:
        StoreError: It cannot be written, e.g. because the disk is full.
    """

    def __init__(self, user: int | None = None) -> None:
        import fcntl  # Unix only

        _sweep()
        with _full_disk():
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = os.open(self.path, os.O_RDONLY)
        with _full_disk(), self._removed_if_not_whole():
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            self.inputs, self.output, self.scratch = (self.path / name for name in ("in", "out", "scratch"))
            for folder in (self.inputs, self.output, self.scratch):
                folder.mkdir()
                folder.chmod(0o755)
            if user is not None:
                shutil.chown(self.output, user)

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

    @property
    def labels(self) -> Path:
        """Path to which the process writes the raw bytes of the label map."""
        return self.output / "labels"

    def take(self, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Read the label map.

        Args:
            shape: Expected z,y,x shape.
            dtype: Expected type of the voxels.

        Raises:
            ContractError: There is no regular file (a link, pipe or device does not count) of exactly that size.
        """
        try:
            handle = os.open(self.labels, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            msg = f"its labels did not come back as a file of their own: {error.strerror}"
            raise ContractError(msg) from error
        with os.fdopen(handle, "rb") as file:
            found, expected = os.fstat(handle), math.prod(shape) * dtype.itemsize
            if not stat.S_ISREG(found.st_mode) or found.st_size != expected:
                msg = f"its labels came back as {found.st_size} bytes; expected a file of {expected}"
                raise ContractError(msg)
            return np.fromfile(file, dtype).reshape(shape)

    def clear(self) -> None:
        """Delete the files of a case before the next one.

        Raises:
            OSError: There are folders; remove the whole workspace.
        """
        for folder in (self.inputs, self.output):
            for entry in folder.iterdir():
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
