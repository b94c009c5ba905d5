"""What a sandbox holds that no process shows: files in scratch, buffers of sockets, deleted files that are open."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Inside", "look_inside", "open_files", "statuses", "unlinked_bytes"]

_TCP_BYTES = 10 * 2**20
"""What the buffers of one TCP connection may hold by default: 4 MiB to send and 6 MiB to receive."""

_DEFAULT_BUFFER_BYTES = 212_992


class Inside(NamedTuple):
    """What a sandbox holds.

    Attributes:
        files: Number of files and folders in its scratch.
        scratch_bytes: Their size.
        socket_bytes: What the buffers of its sockets may hold.
    """

    files: int
    scratch_bytes: int
    socket_bytes: int


def look_inside(processes: Iterable[int], scratch: Sequence[Path]) -> Inside:
    """Return what the sandbox of some processes holds, seen through one of them that is inside.

    Args:
        processes: Ids of processes; those outside of the sandbox are passed over.
        scratch: Folders, as the sandbox names them, that are file systems of their own.
    """
    for pid in sorted(processes, reverse=True) if scratch else ():
        root = f"/proc/{pid}/root"
        with contextlib.suppress(OSError):  # it has ended, or is outside
            if os.stat(f"{root}/").st_dev != os.stat("/").st_dev:  # noqa: PTH116  # a link of /proc: no Path resolves it
                found = [os.statvfs(f"{root}{folder}") for folder in scratch]
                files = sum(one.f_files - one.f_ffree for one in found)
                size = sum((one.f_blocks - one.f_bfree) * one.f_frsize for one in found)
                return Inside(files, size, _socket_bytes(pid))
    return Inside(0, 0, 0)


def unlinked_bytes(processes: Iterable[int]) -> int:
    """Return the size on disk of the files that some processes have open and that were deleted."""
    sizes = {}
    for pid in processes:
        with contextlib.suppress(OSError):  # as above
            for found in open_files(pid):
                if not found.st_nlink:
                    sizes[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(sizes.values())


def open_files(pid: int) -> Iterator[os.stat_result]:
    """Return the status of each file that a process has open.

    Raises:
        OSError: The process has ended, or may not be read.
    """
    folder = f"/proc/{pid}/fd"
    return statuses(f"{folder}/{name}" for name in os.listdir(folder))  # noqa: PTH208  # read ten times a second


def statuses(links: Iterable[str]) -> Iterator[os.stat_result]:
    """Yield the status of each file that a link of ``/proc`` leads to, as far as it is still there."""
    for link in links:
        with contextlib.suppress(OSError):
            yield os.stat(link)  # noqa: PTH116  # no Path resolves such a link


def _socket_bytes(pid: int) -> int:
    """Return what the sockets of a network namespace may hold: a Unix socket its buffers, a TCP connection more."""
    lines = Path(f"/proc/{pid}/net/sockstat").read_text(encoding="ascii").splitlines()
    counted = dict(line.split(": ", 1) for line in lines)
    sockets = int(counted["sockets"].split()[1])
    tcp = int(counted.get("TCP", "inuse 0").split()[1])
    return sockets * 2 * _buffer_bytes() + tcp * _TCP_BYTES


def _buffer_bytes() -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(Path("/proc/sys/net/core/wmem_max").read_text(encoding="ascii"))
    return _DEFAULT_BUFFER_BYTES
