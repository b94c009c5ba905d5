"""The advice to use ``--mount`` where a sandboxed predictor asked for a file that exists, but is not shown to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

__all__ = ["mount_advice"]

_ABSENT = re.compile(r"no such file|not found|cannot open|can't open|does not exist|no file", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w./])(/[\w.+@=-]+(?:/[\w.+@=-]+)*)")


def mount_advice(text: str, shown: Sequence[Path]) -> str:
    """Return a sentence on the first file that a failure says is missing although it exists here; empty if none.

    Args:
        text: Message of the failure, and what the predictor printed.
        shown: Files and folders that the predictor may read.

    Example:
        >>> mount_advice("OSError: No such file or directory: '/bin'", [])
        '; /bin exists here, but the sandbox does not show it: add --mount /bin if the predictor may read it'
    """
    lines = [line for line in text.splitlines() if _ABSENT.search(line)]
    for path in (Path(found.rstrip(".")) for line in lines for found in _PATH.findall(line)):
        if _exists(path) and not any(path.is_relative_to(place) for place in shown):
            told = "exists here, but the sandbox does not show it"
            return f"; {path} {told}: add --mount {path} if the predictor may read it"
    return ""


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
