"""Warnings about files, each logged once per process: a run reads the same file several times."""

from __future__ import annotations

import logging

__all__ = ["warn_once"]

_log = logging.getLogger("ctbench.volume")
_said: set[str] = set()


def warn_once(message: str, about: str = "") -> None:
    """Log a warning, unless one has been logged before that is the same, or about the same.

    Args:
        message: The warning.
        about: What it is about, for messages that need not be repeated, e.g. for each file of a folder.
    """
    if (about or message) not in _said:
        _said.add(about or message)
        _log.warning("%s", message)
