"""`Limits` on time, memory, processes and output of a predictor, and their enforcement with `setrlimit`."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from ctbench.errors import UsageError

__all__ = ["Limits", "enforce"]

GB = 2**30
MB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """Resource limits of a predictor for one case; the same limits hold while it is created (imports, weights).

    Args:
        seconds: Wall time in seconds.
        cpu_seconds: CPU seconds of all its processes together; None: ``seconds`` on every core.
        memory_gb: Memory of all its processes together, in GiB.
        processes: Number of processes and threads at one time.
        written_gb: Size of its output folder in GiB; its scratch space may take as much again.
        printed_mb: MiB on standard output and standard error together.

    Raises:
        UsageError: A limit is not positive.
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
        """``cpu_seconds``, by default ``seconds`` times the number of cores."""
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
    """Limit this process and all its children for good (soft and hard limits are set).

    Memory is limited by RLIMIT_DATA, for each process by itself: RLIMIT_AS would count the address space that CUDA
    reserves and never uses. The parent process watches the sum over processes, and the times.

    Args:
        limits: The limits.
        running: Number of tasks that this user runs already, if the system counts them together with the predictor's.
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
