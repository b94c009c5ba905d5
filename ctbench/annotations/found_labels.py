"""Label sets of masks that nobody described: names of their segments, or all their codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ctbench.annotations.reading import segment_names
from ctbench.annotations.segments import name_of_all
from ctbench.errors import UsageError
from ctbench.labels import LabelSet

__all__ = ["found_labels", "named_labels"]


def named_labels(paths: Sequence[Path]) -> LabelSet | None:
    """Return labels with the names of the segments in some files, numbered from 1; None for label maps, with codes.

    Raises:
        UsageError: Some files name their segments, others have codes only.
        DataError: A file is damaged.
    """
    names = {path: segment_names(path) for path in paths}
    coded = [path for path, found in names.items() if found is None]
    if coded and len(coded) < len(names):
        named = next(path for path in paths if names[path] is not None)
        msg = f"{named} names its segments, {coded[0]} has codes only; describe them in a dataset's YAML (--dataset)"
        raise UsageError(msg)
    return None if coded else name_of_all(found for found in names.values() if found)


def found_labels(arrays: Iterable[NDArray[np.integer]]) -> LabelSet:
    """Return a label set of all codes in some label maps, called ``label-CODE``; empty if there is none but 0."""
    codes = sorted({int(code) for array in arrays for code in np.unique(array)} - {0})
    return LabelSet({f"label-{code}": code for code in codes})
