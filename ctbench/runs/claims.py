"""Process claims: one process at a time writes a run folder or a board, until it ends or exits."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ctbench.errors import StoreError, UsageError
from ctbench.files import PARTIAL
from ctbench.runs.folder import RunFolder
from ctbench.runs.manifest import Manifest

__all__ = ["claim", "claimed", "expect_same", "expect_vacant"]

_RETRY_SECONDS = 0.1
_LONGEST_NAME = 200


@contextmanager
def claimed(paths: RunFolder) -> Iterator[None]:
    """Create the run folder and claim it; remove the folders again if the run never began.

    Raises:
        UsageError: Another process is at work in it.
        StoreError: It cannot be written.
    """
    made = [folder for folder in (paths.path, *paths.path.parents) if not folder.exists()]
    try:
        paths.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot write the run folder {paths.path}: {error.strerror}; choose a folder that you may write to"
        raise StoreError(msg) from error
    try:
        with claim(paths.claim):
            yield
    except BaseException:
        if not any(paths.path.iterdir()):
            for folder in made:
                with suppress(OSError):  # somebody else put something into it meanwhile
                    folder.rmdir()
        raise


def expect_same(wanted: Manifest, found: Manifest, paths: RunFolder) -> None:
    """Raise ``UsageError`` if the run in a folder cannot be continued as the requested one."""
    differing = wanted.differences(found)
    if differing:
        msg = (
            f"{paths.path} holds another run (it differs in {', '.join(differing)}); "
            "use another folder, or remove this one"
        )
        raise UsageError(msg)


def expect_vacant(paths: RunFolder) -> None:
    """Raise ``UsageError`` if a folder holds other files than those that a run leaves that never began."""
    if any(
        path not in (paths.claim, paths.files) and not path.name.startswith(PARTIAL) for path in paths.path.iterdir()
    ):
        msg = f"{paths.path} is not empty and not a run folder; use an empty or a new folder"
        raise UsageError(msg)


@contextmanager
def claim(path: Path, wait_seconds: float = _RETRY_SECONDS) -> Iterator[None]:
    """Hold the claim file ``path`` while the block runs; the file is removed afterwards.

    The system releases the claim when the process exits, however it exits, so a file that a killed process left behind
    keeps nobody out. The file names the process that holds it.

    Args:
        path: The claim file.
        wait_seconds: How long to wait for another process that holds the claim.

    Raises:
        UsageError: Another process holds the claim all this time.
        StoreError: The file cannot be written, or its file system has no locks.
    """
    try:
        lock = _acquired(path, wait_seconds)
    except Timeout as error:
        msg = f"another process is at work in {path.parent}{_holder(path)}; wait until it ends, or use another folder"
        raise UsageError(msg) from error
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"cannot write {path}: {reason}; choose a folder that you may write to"
        raise StoreError(msg) from error
    try:
        yield
    finally:
        with suppress(PermissionError):  # Windows removes no file that is open
            path.unlink(missing_ok=True)
        lock.release()


def _acquired(path: Path, wait_seconds: float) -> FileLock:
    """Return the lock of the file that has this path: its former holder may have removed the one that we opened."""
    end = time.monotonic() + wait_seconds
    while True:
        inodes: list[int] = []

        def sign(handle: int, inodes: list[int] = inodes) -> None:
            inodes.append(os.fstat(handle).st_ino)
            _sign(handle)

        left = max(end - time.monotonic(), _RETRY_SECONDS)
        lock = FileLock(path, timeout=left, poll_interval=_RETRY_SECONDS / 2, on_acquired=sign)
        lock.acquire()
        with suppress(FileNotFoundError):
            if path.stat().st_ino in inodes:
                return lock
        lock.release()


def _sign(handle: int) -> None:
    """Write into the claim file which process holds it."""
    os.ftruncate(handle, 0)
    os.write(handle, f"process {os.getpid()} on {platform.node()}".encode())


def _holder(path: Path) -> str:
    """Return the process that a claim file names, in brackets; empty if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")[:_LONGEST_NAME].strip()
    except OSError:
        return ""
    return f" ({text})" if text.isprintable() and text else ""
