"""Shared memory of processes that has no file in a folder: memory files, and anonymous memory mapped as shared.

The kernel keeps its pages until the last process closes and unmaps it, also those that no process has mapped any more,
which the process's own counters (``RssShmem``) leave out.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache

from ctbench.predictors.isolation.inside import open_files, statuses

__all__ = ["held_bytes", "mapped_bytes"]


def held_bytes(processes: Iterable[int]) -> int:
    """Return the size in bytes of the shared memory that processes hold, each piece counted once.

    Memory files that are open are counted for every user. What is only mapped is counted if this process is root: the
    kernel shows its size to nobody else.

    Args:
        processes: Ids of processes; those that have ended are skipped.
    """
    device = _device()
    if device is None:
        return 0
    sizes: dict[int, int] = {}
    for pid in processes:
        with contextlib.suppress(OSError):  # it has ended, or may not be read
            for found in (*open_files(pid), *statuses(_mapped_files(pid, device))):
                if found.st_dev == device:
                    sizes[found.st_ino] = found.st_blocks * 512
    return sum(sizes.values())


def mapped_bytes(pid: int) -> int:
    """Return how much of such memory a process has mapped, in bytes; shared pages are divided by their processes.

    The kernel needs long to compute that.
    """
    device, total, counts = _device(), 0, False
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps", "rb") as file:  # noqa: PTH123  # faster than Path
        for line in file:
            first, *rest = line.split(None, 5)
            if not first.endswith(b":"):
                counts = rest[2] == _name(device)
            elif counts and first == b"Pss:":
                total += int(rest[0]) * 1024
    return total


def _mapped_files(pid: int, device: int) -> Iterator[str]:
    """Yield the links to what a process has mapped from the device; only root may follow them."""
    name = b" " + _name(device) + b" "
    with open(f"/proc/{pid}/maps", "rb") as file:  # noqa: PTH123  # faster than Path
        for line in file:
            if name in line and line.split(None, 4)[3] == name.strip():
                # The file name lacks the leading zeros of the addresses.
                start, end = line.split(None, 1)[0].split(b"-")
                yield f"/proc/{pid}/map_files/{int(start, 16):x}-{int(end, 16):x}"


def _name(device: int | None) -> bytes:
    """Return a device as ``/proc/PID/maps`` names it."""
    return b"" if device is None else f"{os.major(device):02x}:{os.minor(device):02x}".encode()


@lru_cache(maxsize=1)
def _device() -> int | None:
    """Return the number of the device on which the kernel keeps such memory; None where there is none."""
    if not hasattr(os, "memfd_create"):  # not Linux
        return None
    try:
        made = os.memfd_create("ctbench")
    except OSError:
        return None
    try:
        return os.fstat(made).st_dev
    finally:
        os.close(made)
