"""Label maps in which chosen structures are numbered from 1, the same numbers for reference and rater."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["numbered"]

_TABLE = 2**20
"""Codes below this are numbered by a table of all codes."""


def numbered(labels: NDArray[np.integer], structures: Sequence[Sequence[int]]) -> NDArray[np.uint16]:
    """Number structures from 1, and set all else to background.

    Args:
        labels: codes, of any shape.
        structures: the codes that make each of them; of a code in several, the last counts.
    """
    if labels.max(initial=0) >= _TABLE:
        occurring, places = np.unique(labels, return_inverse=True)
        owners = {code: number for number, codes in enumerate(structures, start=1) for code in codes}
        return np.array([owners.get(code, 0) for code in occurring.tolist()], np.uint16)[places].reshape(labels.shape)
    table = np.zeros(int(labels.max(initial=0)) + 1, np.uint16)
    for number, codes in enumerate(structures, start=1):
        table[[code for code in codes if code < len(table)]] = number
    found: NDArray[np.uint16] = table[labels]
    return found
