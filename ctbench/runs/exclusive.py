"""One process at a time in a run folder, by a lock that goes when its process does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctbench.errors import StoreError, UsageError

__all__ = ["exclusive"]


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs.

    The lock belongs to the open file, not to its name: the kernel lets go of it when the process ends, however it ends,
    so that a file that a killed process left behind locks nobody out. Windows has no such locks; there, nothing is
    locked.

    Raises:
        UsageError: another process holds it.
        StoreError: the file cannot be made.
    """
    handle = _locked(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _locked(path: Path) -> int:
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            msg = f"cannot write {path}: {error.strerror}; choose a folder that you may write to"
            raise StoreError(msg) from error
        if not _lock(handle):
            os.close(handle)
            msg = f"another process is at work in {path.parent}; wait until it ends, or give another folder"
            raise UsageError(msg)
        if _is_at(path, handle):
            return handle
        os.close(handle)  # its holder removed the file between our opening and our locking it


def _lock(handle: int) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
