"""Warnings about files, each logged once per process: a run reads the same file several times."""

from __future__ import annotations

import logging
from functools import lru_cache

__all__ = ["warn_once"]

_log = logging.getLogger("ctbench.volume")


@lru_cache(maxsize=4096)
def warn_once(message: str) -> None:
    """Log a warning, unless the same one has been logged before."""
    _log.warning("%s", message)
