"""Measurements of the same cases by two or more readers, cleaned in the open."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctbench.errors import UsageError

__all__ = ["Numbers", "complete_cases", "complete_pairs"]

Numbers = NDArray[np.float64]


def complete_pairs(first: ArrayLike, second: ArrayLike) -> tuple[Numbers, Numbers, int]:
    """Give two aligned arrays without the pairs in which either is NaN, and how many such pairs there were.

    Pairs are formed by position; the index of a pandas Series plays no part.

    Raises:
        UsageError: the lengths differ, an array is not one-dimensional, or a value is infinite.
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        msg = f"expected two lists of numbers of one length, got shapes {x.shape} and {y.shape}"
        raise UsageError(msg)
    if np.isinf(x).any() or np.isinf(y).any():
        msg = "infinite values cannot be compared; leave a value that is not known as NaN"
        raise UsageError(msg)
    known = ~(np.isnan(x) | np.isnan(y))
    return x[known], y[known], int((~known).sum())


def complete_cases(ratings: ArrayLike) -> tuple[Numbers, int]:
    """Give a table cases x readers without the cases that have a NaN, and how many such cases there were.

    Raises:
        UsageError: no table of two readers or more, or an infinite rating.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        msg = f"ratings must be cases x readers with two readers or more, got shape {table.shape}"
        raise UsageError(msg)
    if np.isinf(table).any():
        msg = "infinite ratings cannot be compared; leave a rating that is not known as NaN"
        raise UsageError(msg)
    known = ~np.isnan(table).any(axis=1)
    return table[known], int((~known).sum())
