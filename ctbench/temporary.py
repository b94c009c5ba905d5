"""Temporary folders that are locked while their process lives, and removal of those that killed processes left."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

__all__ = ["lock_folder", "remove_abandoned", "remove_tree"]

_SETTLED_SECONDS = 60.0
"""A folder younger than this may not be locked by its owner yet."""


def lock_folder(folder: Path) -> int | None:
    """Lock a folder as long as this process lives, and return the handle; None on systems without such locks.

    Raises:
        OSError: Another process has locked it, or it is no folder: a link or a pipe that somebody else put there.
    """
    try:
        import fcntl  # Unix only
    except ImportError:
        return None
    handle = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def remove_abandoned(prefix: str) -> None:
    """Remove the folders of this user among the temporary files that no process has locked, as theirs was killed.

    Args:
        prefix: What their names begin with.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):  # it is in use, or was removed meanwhile
            found = left.lstat()
            is_own = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
            if is_own and time.time() - found.st_mtime > _SETTLED_SECONDS and (lock := lock_folder(left)) is not None:
                remove_tree(left)
                os.close(lock)


def remove_tree(folder: Path) -> None:
    """Remove a folder that third-party code wrote to, even without permissions or nested beyond Python's recursion."""
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            arguments = [*command, "--", str(folder)]
            subprocess.run(arguments, env={"PATH": os.defpath}, stderr=subprocess.DEVNULL, check=False)
