"""Label maps in which chosen structures are numbered from 1, the same numbers for reference and rater."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["numbered"]


def numbered(labels: NDArray[np.integer], structures: Sequence[Sequence[int]]) -> NDArray[np.uint16]:
    """Number structures from 1, and set all else to background.

    Args:
        labels: codes, of any shape.
        structures: the codes that make each of them; of a code in several, the last counts.
    """
    table = np.zeros(int(labels.max(initial=0)) + 1, np.uint16)
    for number, codes in enumerate(structures, start=1):
        table[[code for code in codes if code < len(table)]] = number
    found: NDArray[np.uint16] = table[labels]
    return found
