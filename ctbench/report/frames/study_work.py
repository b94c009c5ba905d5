"""How many voxels a comparison of readers' masks goes through, and how much of that a page does unasked."""

from __future__ import annotations

import math

from ctbench.datasets import Dataset
from ctbench.volume import read_geometry

__all__ = ["IN_A_REPORT", "ON_A_BOARD", "study_work"]

ON_A_BOARD = 40.0
"""Work that a page of the board does before a visitor asks for it: two to three seconds."""

IN_A_REPORT = 400.0
"""Work that a report does on its own: about a minute, with the sessions, subsets and rules of the same masks."""


def study_work(dataset: Dataset, *, briefly: bool = False) -> float:
    """Return the millions of voxels that a reader study compares: of all readings, once for each structure.

    Args:
        dataset: The dataset; its cases are taken to be as large as the first one that somebody read.
        briefly: Whether only the opening is computed, which goes through all voxels once (``study_readers``).
    """
    read = [case for case in dataset if case.readers]
    if not read:
        return 0.0
    first = read[0]
    voxels = math.prod(read_geometry(first.reader_path(first.readers[0])).shape)
    structures = 1 if briefly else len(dataset.labels.names)
    return voxels * sum(len(case.readings) for case in read) * structures / 1e6
