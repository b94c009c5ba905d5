"""Control groups (cgroup version 2): limits on memory and number of processes of a predictor and its descendants.

A group counts what no process shows: memory files, buffers of pipes and sockets, scratch in memory. It can be had where
this process's own group, or the one around it, passes the controllers ``memory`` and ``pids`` on to its subgroups and
lets this user make one, as systemd does for root and for services and scopes with ``Delegate=yes``.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ctbench.predictors.isolation.limits import Limits

__all__ = ["ControlGroup", "has_groups", "new_group"]

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_NEEDED = {"memory", "pids"}
_PREFIX = "ctbench-predictor-"
_STARTERS = 8
"""Processes that start the predictor or wait for it (shell, launcher, bubblewrap), and count in the group."""

_SCRATCHES = 2
_numbers = itertools.count()

_JOIN = 'echo 0 > "$0" && exec "$@"'
"""The shell joins the group and becomes the command; all its children are born in the group."""


class ControlGroup:
    """A group of its own for one process and all that descends from it.

    Args:
        folder: Its folder below ``/sys/fs/cgroup``, which exists.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def joining(self, command: Sequence[str]) -> list[str]:
        """Return the command line that runs ``command`` in the group."""
        return ["/bin/sh", "-c", _JOIN, str(self.folder / "cgroup.procs"), *command]

    def has_run_out(self) -> bool:
        """Return whether the kernel has killed a process of the group because its memory was used up."""
        with contextlib.suppress(OSError, ValueError):
            lines = (self.folder / "memory.events").read_text(encoding="ascii").splitlines()
            return any(int(count) > 0 for name, count in map(str.split, lines) if name == "oom_kill")
        return False

    def remove(self) -> None:
        """Kill what is left in the group, and remove it."""
        with contextlib.suppress(OSError):  # Linux before 5.14 has no such file; the tree was killed already
            (self.folder / "cgroup.kill").write_text("1", encoding="ascii")
        for _ in range(100):  # it is busy until the last process has ended
            try:
                self.folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.01)
            else:
                return


def new_group(limits: Limits) -> ControlGroup | None:
    """Return a new group with the limits; None where no group can be had.

    What lies in scratch is memory too, so that the group may hold it besides.

    Args:
        limits: Limits on memory, scratch and number of processes.
    """
    parent = _parent()
    return _made(parent, limits) if parent else None


def has_groups() -> bool:
    """Return whether groups can be had here; it is tried once."""
    return _parent() is not None


@lru_cache(maxsize=1)
def _parent() -> Path | None:
    """Return the group in which this process may make others; it is tried, as a system may forbid it."""
    for folder in _candidates():
        group = _made(folder, Limits())
        if group is None:
            continue
        _sweep(folder)
        try:
            if not subprocess.run(group.joining(["true"]), capture_output=True, check=False).returncode:
                return folder
        finally:
            group.remove()
    return None


def _sweep(parent: Path) -> None:
    """Remove the empty groups of processes that were killed; one that holds processes cannot be removed."""
    for left in parent.glob(f"{_PREFIX}*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):
                left.rmdir()


def _candidates() -> list[Path]:
    """Return this process's own group and the one around it, as far as they pass the controllers on."""
    try:
        lines = _OWN.read_text(encoding="utf-8").splitlines()
        (place,) = [line.removeprefix("0::") for line in lines if line.startswith("0::")]
    except (OSError, ValueError):  # another system, or cgroups of version 1 only
        return []
    own = _ROOT / place.lstrip("/")
    return [folder for folder in (own, *([own.parent] if own != _ROOT else [])) if _passed_on(folder) >= _NEEDED]


def _passed_on(folder: Path) -> set[str]:
    with contextlib.suppress(OSError):
        return set((folder / "cgroup.subtree_control").read_text(encoding="ascii").split())
    return set()


def _made(parent: Path, limits: Limits) -> ControlGroup | None:
    group = ControlGroup(parent / f"{_PREFIX}{os.getpid()}-{next(_numbers)}")
    try:
        group.folder.mkdir()
    except OSError:
        return None
    rules = {
        "memory.max": limits.memory_bytes + _SCRATCHES * limits.written_bytes,
        "memory.oom.group": 1,  # one process of a predictor is of no use without the others
        "pids.max": limits.processes + _STARTERS,
    }
    try:
        for name, value in rules.items():
            (group.folder / name).write_text(str(value), encoding="ascii")
        with contextlib.suppress(OSError):  # a kernel without swap accounting
            (group.folder / "memory.swap.max").write_text("0", encoding="ascii")
    except OSError:
        group.remove()
        return None
    return group
