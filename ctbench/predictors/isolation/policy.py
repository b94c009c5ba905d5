"""`Isolation`: what a third-party predictor may read and use."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ctbench.predictors.isolation.limits import Limits

__all__ = ["Isolation"]


@dataclass(frozen=True, slots=True)
class Isolation:
    """What a predictor may read and use.

    Args:
        trust: Run the predictor in this process, without sandbox and limits.
        mounts: Files and folders that it may read besides its own code, e.g. weights.
        limits: Resource limits for one case.
        unsandboxed: Run it also where there is no sandbox; it can then read and write every file that you can.
        placed: Files and folders that a container may read, each with its path there.
        environment: Further environment variables of its process, with their values.
    """

    trust: bool = False
    mounts: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)
    unsandboxed: bool = False
    placed: tuple[tuple[Path, PurePosixPath], ...] = ()
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # a value may be a token

    @property
    def shown(self) -> tuple[Path, ...]:
        """The files and folders of this machine that ``mounts`` and ``placed`` name."""
        return (*self.mounts, *(path for path, _ in self.placed))
