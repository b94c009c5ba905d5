"""Outputs of a predictor that were refused: kept in the cache folder for its author to look at, never in a run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from ctbench.errors import StoreError
from ctbench.files import cache_folder, whole_file

__all__ = ["keep_refused"]

_MOST_CASES = 20
_MOST_FILES = 100


def keep_refused(files: Mapping[str, bytes], rater: str, case: str) -> Path | None:
    """Write the files of a refused output into a folder of their own; those of an earlier attempt go.

    Args:
        files: Content by name; the first 100 are written.
        rater: Name of the predictor.
        case: Id of the case.

    Returns:
        ``refused/RATER/CASE`` in the cache folder; None if there are no files, or 20 cases of this rater are kept
        already, or they cannot be written.
    """
    if not files:
        return None
    root = cache_folder() / "refused" / _name(rater)
    folder = root / _name(case)
    others = [other for other in root.glob("*") if other != folder]
    if len(others) >= _MOST_CASES:
        return None
    shutil.rmtree(folder, ignore_errors=True)
    try:
        for name, content in islice(files.items(), _MOST_FILES):
            with whole_file(folder / _name(name)) as temporary:
                temporary.write_bytes(content)
    except (OSError, StoreError):  # the failure itself is worth more than this
        return None
    return folder


def _name(text: str) -> str:
    """Return a text as the name of a file: without slashes, and no dot first."""
    return re.sub(r"[^\w.+-]+", "-", text)[:100].lstrip(".") or "unnamed"
