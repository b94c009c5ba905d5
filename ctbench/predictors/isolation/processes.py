"""A process and all that descend from it: what they use, and their end. Read from Linux's ``/proc``."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Usage", "holds_more", "kill_tree", "measure", "tasks_of_user"]

_PROC = Path("/proc")


class Usage(NamedTuple):
    """What a tree of processes uses: the living ones, their own memory (shared parts for each), and CPU time so far."""

    processes: frozenset[int]
    memory_bytes: int
    cpu_seconds: float


class _Stat(NamedTuple):
    pid: int
    parent: int
    alive: bool
    cpu_seconds: float


def measure(root: int) -> Usage:
    """Measure the process ``root`` and its descendants.

    Where there is no ``/proc``, only ``root`` is known.
    """
    children: dict[int, list[_Stat]] = {}
    tree: list[_Stat] = []
    for stat in _stats():
        children.setdefault(stat.parent, []).append(stat)
        if stat.pid == root:
            tree.append(stat)
    for stat in tree:  # grows while it is walked
        tree += children.get(stat.pid, ())
    living = frozenset(stat.pid for stat in tree if stat.alive) or frozenset({root})
    return Usage(living, sum(map(_memory_bytes, living)), sum(stat.cpu_seconds for stat in tree))


def holds_more(used: Usage, limit_bytes: int) -> bool:
    """Say whether processes together hold more memory than a limit, what they share counted once.

    That takes the system long to find out, so it is asked only where the simple sum is beyond the limit.
    """
    return used.memory_bytes > limit_bytes and sum(map(_proportional_bytes, used.processes)) > limit_bytes


def kill_tree(root: int) -> None:
    """Kill a process and its descendants; they are all stopped first, so that none starts another meanwhile."""
    seen: set[int] = set()
    while new := measure(root).processes - seen:
        for pid in new:
            _signal(pid, signal.SIGSTOP)
        seen |= new
    for pid in seen:
        _signal(pid, signal.SIGKILL)


def tasks_of_user() -> int:
    """Count the threads of all processes of this user, as RLIMIT_NPROC does."""
    folders = (_PROC / name for name in _numbers())
    return sum(_tasks(folder) for folder in folders if _owner(folder) == os.getuid())


def _stats() -> Iterator[_Stat]:
    tick = os.sysconf("SC_CLK_TCK")
    for name in _numbers():
        # A few hundred of these are read for each case: Path's own reading takes three times as long.
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
            # The name of the program, in parentheses, may hold anything; numbers follow the last one.
            state, parent, *rest = file.read().rpartition(b")")[2].split(None, 15)
            ticks = sum(map(int, rest[9:13]))  # utime, stime, and those of children that have ended
            yield _Stat(int(name), int(parent), state not in b"ZX", ticks / tick)


def _numbers() -> list[str]:
    try:
        return [name for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208  # as above
    except OSError:  # no such folder: not Linux
        return []


def _memory_bytes(pid: int) -> int:
    """Give the memory that a process does not have from files."""
    return _sum_kib(pid, "status", ("RssAnon:", "RssShmem:"))


def _proportional_bytes(pid: int) -> int:
    """Give the same, where a page of several processes counts for each in part."""
    return _sum_kib(pid, "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) or _memory_bytes(pid)


def _sum_kib(pid: int, file: str, fields: tuple[str, ...]) -> int:
    with contextlib.suppress(OSError):  # it ended meanwhile, or may not be looked into
        lines = (_PROC / str(pid) / file).read_text(errors="replace").splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(fields))
    return 0


def _owner(folder: Path) -> int | None:
    with contextlib.suppress(OSError):
        return folder.stat().st_uid
    return None


def _tasks(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir(folder / "task"))  # noqa: PTH208  # only their number matters
    return 0


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)
