"""Stamps of files (size, times, inode), by which a run finds out that a file changed while it was going on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["Stamps", "first_changed", "stamps"]

Stamps = Mapping[Path, tuple[int, ...]]
"""File -> size in bytes, times of its last changes in ns, device and inode; empty for a file that is not there."""


def stamps(places: Iterable[Path]) -> Stamps:
    """Return the stamps of some files, and of the files that lie directly in some folders."""
    found = {}
    for place in places:
        for path in [place, *(place.iterdir() if place.is_dir() else ())]:
            if not path.is_dir():
                found[path] = _stamp(path)
    return found


def first_changed(before: Stamps, now: Stamps) -> Path | None:
    """Return the first file, by path, whose stamp differs; None if there is none. Its content may be the same."""
    differing = (path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
    return min(differing, default=None)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_dev, found.st_ino)
