"""Mount points of this machine, and the identity (device and inode) of files, whatever path leads to them."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["identities", "mounted_below"]

_ESCAPED = re.compile(r"\\([0-7]{3})")
_MOUNT_POINT = 4
"""Place of the mount point in a line of ``mountinfo``."""


def mounted_below(folder: Path) -> list[Path]:
    """Return the mount points inside a folder, outermost first; empty on systems without ``/proc``."""
    inside = folder.resolve()
    return sorted(point for point in _mount_points() if inside in point.parents)


def identities(paths: Iterable[Path]) -> dict[tuple[int, int], Path]:
    """Return (device, inode) -> path of those files and folders that exist, links followed."""
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):
            stat = path.stat()
            found[stat.st_dev, stat.st_ino] = path
    return found


def _mount_points() -> list[Path]:
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    return [Path(os.fsdecode(_unescaped(line.split(" ")[_MOUNT_POINT]))) for line in lines]


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)
