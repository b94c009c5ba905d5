"""Memory, CPU time and kill of a process tree, read from Linux's ``/proc``.

psutil is not used, because it cannot separate the memory that a predictor fills from the libraries it maps: its
``rss - shared`` leaves shared memory out (0 of 200 MiB that a process had filled), and its ``pss`` counts mapped files
(410 instead of 345 MiB after ``import torch``). Reading the tree of 300 children took it 67 ms instead of 42.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ctbench.predictors.isolation.shared_memory import held_bytes, mapped_bytes

__all__ = ["Usage", "holds_more", "kill_tree", "measure", "resume", "suspend_tree", "tasks_of_user"]

_PROC = Path("/proc")
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Usage(NamedTuple):
    """Use of a process tree: living processes, memory in bytes (shared pages once for each process), CPU seconds."""

    processes: frozenset[int]
    memory_bytes: int
    cpu_seconds: float


class _Stat(NamedTuple):
    pid: int
    parent: int
    alive: bool
    cpu_seconds: float


def measure(root: int) -> Usage:
    """Measure the process with id ``root`` and its descendants; without ``/proc`` only ``root`` is returned."""
    tree = _tree(root)
    living = frozenset(stat.pid for stat in tree if stat.alive) or frozenset({root})
    return Usage(living, sum(map(_memory_bytes, living)), sum(stat.cpu_seconds for stat in tree))


def holds_more(used: Usage, limit_bytes: int) -> bool:
    """Return whether processes hold more than ``limit_bytes`` together, shared pages counted once.

    The kernel needs long to compute that, so it is read only if the simple sum exceeds the limit.
    """
    shared = held_bytes(used.processes)
    if used.memory_bytes + shared <= limit_bytes:
        return False
    unmapped = max(0, shared - sum(map(mapped_bytes, used.processes)))
    return sum(map(_proportional_bytes, used.processes)) + unmapped > limit_bytes


def kill_tree(root: int) -> None:
    """Kill a process and its descendants; all are suspended first, so that none can start another meanwhile."""
    for pid in suspend_tree(root):
        _signal(pid, signal.SIGKILL)


def suspend_tree(root: int) -> set[int]:
    """Suspend a process and its descendants; return their ids."""
    seen: set[int] = set()
    while new := ({stat.pid for stat in _tree(root) if stat.alive} or {root}) - seen:
        for pid in new:
            _signal(pid, signal.SIGSTOP)
        seen |= new
    return seen


def resume(processes: Iterable[int]) -> None:
    """Let suspended processes go on."""
    for pid in processes:
        _signal(pid, signal.SIGCONT)


def tasks_of_user() -> int:
    """Return the number of threads of all processes of this user, as RLIMIT_NPROC counts them."""
    folders = (_PROC / name for name in _numbers())
    return sum(_tasks(folder) for folder in folders if _owner(folder) == os.getuid())


def _tree(root: int) -> list[_Stat]:
    """Return a process and its descendants, each before its children."""
    tree: list[_Stat] = []
    waiting, walked = [root], True
    while waiting:
        pid = waiting.pop()
        with contextlib.suppress(OSError):
            tree.append(_stat(pid))
            found = _children(pid)
            walked = walked and found is not None
            waiting += found or ()
    return tree if walked else _tree_of_all(root)


def _children(pid: int) -> list[int] | None:
    """Return the children of all threads of a process; None if this kernel does not list them."""
    found: list[int] = []
    for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  # read several times per case
        try:
            # Path.read_bytes takes three times as long.
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:  # noqa: PTH123
                found += map(int, file.read().split())
        except FileNotFoundError:
            if (_PROC / str(pid) / "task" / task).exists():
                return None
        except ProcessLookupError:  # the thread has ended
            continue
    return found


def _tree_of_all(root: int) -> list[_Stat]:
    """Return the same as `_tree`, found among all processes of the machine."""
    children: dict[int, list[_Stat]] = {}
    tree: list[_Stat] = []
    for name in _numbers():
        with contextlib.suppress(OSError):
            stat = _stat(int(name))
            children.setdefault(stat.parent, []).append(stat)
            tree += [stat] if stat.pid == root else []
    for stat in tree:  # the list grows during the loop
        tree += children.get(stat.pid, ())
    return tree


def _stat(pid: int) -> _Stat:
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  # as above
        # The program name, in parentheses, may hold any character; the numbers follow the last parenthesis.
        state, parent, *rest = file.read().rpartition(b")")[2].split(None, 15)
    ticks = sum(map(int, rest[9:13]))  # utime, stime, and the same of children that have ended
    return _Stat(pid, int(parent), state not in b"ZX", ticks / _TICK)


def _numbers() -> list[str]:
    try:
        return [name for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208  # as above
    except OSError:  # no such folder: not Linux
        return []


def _memory_bytes(pid: int) -> int:
    """Return the resident memory of a process that is not backed by files (anonymous and shared memory)."""
    return _sum_kib(pid, "status", ("RssAnon:", "RssShmem:"))


def _proportional_bytes(pid: int) -> int:
    """Return the same, with each shared page divided by the number of processes that share it."""
    return _sum_kib(pid, "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) or _memory_bytes(pid)


def _sum_kib(pid: int, file: str, fields: tuple[str, ...]) -> int:
    with contextlib.suppress(OSError):  # it has ended, or may not be read
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
