"""How much a predictor may use of the machine, and how its process is bound to that."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from ctbench.errors import UsageError

__all__ = ["Limits", "enforce"]

GB = 2**30
MB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a predictor may use for one case; what it needs to be made (imports, weights) is bounded alike.

    Args:
        seconds: wall time.
        cpu_seconds: time of all its processes on all cores; None: ``seconds`` on every core.
        memory_gb: GiB, of all its processes together.
        processes: how many at once, threads counted.
        written_gb: GiB in its output folder, and as much again of scratch.
        printed_mb: MiB on standard output and standard error together.

    Raises:
        UsageError: a limit that is not positive.
    """

    seconds: float = 1800.0
    cpu_seconds: float | None = None
    memory_gb: float = 16.0
    processes: int = 512
    written_gb: float = 4.0
    printed_mb: float = 16.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None and not value > 0:
                msg = f"expected a positive limit {one.name}, got {value}"
                raise UsageError(msg)

    @property
    def cpu_budget_seconds(self) -> float:
        """``cpu_seconds``, or what all cores can give in ``seconds``."""
        return self.cpu_seconds or self.seconds * (os.cpu_count() or 1)

    @property
    def memory_bytes(self) -> int:
        """``memory_gb`` in bytes."""
        return int(self.memory_gb * GB)

    @property
    def written_bytes(self) -> int:
        """``written_gb`` in bytes."""
        return int(self.written_gb * GB)

    @property
    def printed_bytes(self) -> int:
        """``printed_mb`` in bytes."""
        return int(self.printed_mb * MB)


def enforce(limits: Limits, *, running: int = 0) -> None:
    """Bind this process, and all that it starts, to ``limits``; there is no way back.

    Memory is bound as RLIMIT_DATA, each process by itself: RLIMIT_AS would count the address space that CUDA reserves
    and never fills. The sum over processes, and times, are watched from outside.

    Args:
        limits: what is allowed.
        running: tasks that this user runs already, where the system counts them together with the predictor's.
    """
    import resource  # Unix only

    for kind, wanted in (
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.written_bytes),
        (resource.RLIMIT_NPROC, limits.processes + running),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        bound = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (bound, bound))
