"""How a predictor is kept apart from the rest of the machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ctbench.predictors.isolation.limits import Limits

__all__ = ["Isolation"]


@dataclass(frozen=True, slots=True)
class Isolation:
    """What a predictor may see and use. It moves no result, and belongs in no cache's key.

    Args:
        trust: run its code in this process, with all that this process may do.
        mounts: files and folders that it may read besides its own code, e.g. weights.
        limits: what it may use for one case.
    """

    trust: bool = False
    mounts: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)
