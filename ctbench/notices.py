"""Warnings about data, each logged once per command: a run reads the same file several times, in several processes."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["Notice", "collected_notices", "log_own_warnings", "warn_once"]

Notice = tuple[str, str]
"""A warning, and what it is about."""

_log = logging.getLogger("ctbench")
_said: set[str] = set()
_showing: set[object] = set()
"""The functions by which `log_own_warnings` has replaced that of Python."""


class _Collecting(threading.local):
    """The notices of the present block of `collected_notices` in this thread, None outside of one."""

    notices: dict[str, str] | None = None


_collecting = _Collecting()


def warn_once(message: str, about: str = "") -> None:
    """Log a warning, unless one has been logged before that is the same, or about the same.

    Args:
        message: The warning.
        about: What it is about, for messages that need not be repeated, e.g. for each file of a folder.
    """
    about = about or message
    if _collecting.notices is not None:
        _collecting.notices.setdefault(about, message)
    elif about not in _said:
        _said.add(about)
        _log.warning("%s", message)


@contextmanager
def collected_notices() -> Iterator[list[Notice]]:
    """Collect the warnings of this thread in the block, for the process that logs them.

    Yields a list that is filled at the end of the block. After an exception they are logged here, so that none is lost.
    """
    before, _collecting.notices = _collecting.notices, {}
    found: list[Notice] = []
    try:
        yield found
    except BaseException:
        collected, _collecting.notices = _collecting.notices, before
        for about, message in collected.items():
            warn_once(message, about)
        raise
    found += [(message, about) for about, message in _collecting.notices.items()]
    _collecting.notices = before


def log_own_warnings() -> None:
    """Log Python's warnings of classes of this package by `warn_once`, one for each class; others stay as they are."""
    before = warnings.showwarning
    if before in _showing:
        return

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if category.__module__.partition(".")[0] == __name__.partition(".")[0]:
            warn_once(str(message), about=category.__name__)
        else:
            before(message, category, filename, lineno, file, line)

    _showing.add(show)
    warnings.showwarning = show
