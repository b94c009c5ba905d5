"""Missing values: drop pairs and cases with a NaN, and count them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctbench.errors import UsageError

__all__ = ["Numbers", "complete_cases", "complete_pairs"]

Numbers = NDArray[np.float64]


def complete_pairs(first: ArrayLike, second: ArrayLike) -> tuple[Numbers, Numbers, int]:
    """Return the pairs without a NaN as two arrays, and the number of pairs dropped.

    Args:
        first: The first value of each pair, one-dimensional.
        second: The second value of each pair, in the same order. The index of a pandas Series is ignored.

    Raises:
        UsageError: The lengths differ, an array is not one-dimensional, or a value is infinite.
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        msg = f"expected two one-dimensional arrays of the same length, got shapes {x.shape} and {y.shape}"
        raise UsageError(msg)
    if np.isinf(x).any() or np.isinf(y).any():
        msg = "expected finite values, got an infinite one; use NaN for a missing value"
        raise UsageError(msg)
    known = ~(np.isnan(x) | np.isnan(y))
    return x[known], y[known], int((~known).sum())


def complete_cases(ratings: ArrayLike) -> tuple[Numbers, int]:
    """Return the cases without a NaN, and the number of cases dropped.

    Args:
        ratings: Array cases x readers.

    Raises:
        UsageError: The array has fewer than two readers or is not two-dimensional, or a rating is infinite.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        msg = f"expected ratings as a table cases x readers with at least two readers, got shape {table.shape}"
        raise UsageError(msg)
    if np.isinf(table).any():
        msg = "expected finite ratings, got an infinite one; use NaN for a missing rating"
        raise UsageError(msg)
    known = ~np.isnan(table).any(axis=1)
    return table[known], int((~known).sum())
