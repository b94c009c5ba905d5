"""Fill closed contours on a pixel grid, by winding number at the pixel centres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["fill"]

_ON_LINE = 1e-3
"""A pixel whose centre is this close to a contour, in pixels, belongs to it: some programs trace pixel centres."""

Points = NDArray[np.float64]


def fill(contours: Sequence[Points], shape: tuple[int, int], *, alternate: bool = False) -> NDArray[np.bool_]:
    """Return the pixels whose centre is inside closed contours, or on the line of one of them.

    Inside means a winding number other than 0 around all contours together: a contour in the opposite direction inside
    another one is a hole, one in the same direction is not. The centre of pixel (row, column) has these coordinates.

    Args:
        contours: Points of each contour as (row, column), in pixels, in order; the last is joined to the first.
        shape: Number of rows and columns.
        alternate: Count crossings instead of windings (odd is inside), whatever the directions. Default False.

    Example:
        >>> square = np.array([[0.5, 0.5], [0.5, 2.5], [2.5, 2.5], [2.5, 0.5]])
        >>> fill([square], (4, 4)).astype(int).tolist()
        [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    edges = [np.stack([points, np.roll(points, -1, axis=0)], axis=1) for points in contours if len(points)]
    if not edges:
        return np.zeros(shape, dtype=bool)
    both = np.concatenate(edges)
    winding = _winding(both, shape, alternate=alternate)
    inside: NDArray[np.bool_] = (winding % 2 if alternate else winding) != 0
    return inside | _on_lines(both, shape)


def _winding(edges: NDArray[np.float64], shape: tuple[int, int], *, alternate: bool) -> NDArray[np.int64]:
    """Return how often the contours wind around each pixel centre, or with ``alternate`` cross to the left of it."""
    rows, columns = shape
    (start, left), (end, right) = edges[:, 0].T, edges[:, 1].T
    # Half-open, so that a vertex at the height of a centre is crossed once.
    first, last = np.ceil(np.minimum(start, end)), np.ceil(np.maximum(start, end))
    edge, row = _pairs(np.clip(first, 0, rows), np.clip(last, 0, rows))
    share = (row - start[edge]) / (end - start)[edge]
    column = np.ceil(left[edge] + share * (right - left)[edge])
    sign = np.ones(edge.size, np.int64) if alternate else np.sign(end - start)[edge].astype(np.int64)
    crossed = np.zeros((rows, columns + 1), np.int64)
    np.add.at(crossed, (row, np.clip(column, 0, columns).astype(np.int64)), sign)
    return crossed.cumsum(axis=1)[:, :columns]


def _on_lines(edges: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    rows, columns = shape
    # An edge goes downwards, so that the part of it beside a row of centres is an interval of columns.
    edges = np.where((edges[:, 0, 0] > edges[:, 1, 0])[:, None, None], edges[:, ::-1], edges)
    (start, left), (end, right) = edges[:, 0].T, edges[:, 1].T
    first, last = np.ceil(start - _ON_LINE), np.floor(end + _ON_LINE) + 1
    edge, row = _pairs(np.clip(first, 0, rows), np.clip(last, 0, rows))
    height = np.maximum((end - start)[edge], np.finfo(float).tiny)
    ends = [
        left[edge] + np.clip((row + side - start[edge]) / height, 0, 1) * (right - left)[edge]
        for side in (-_ON_LINE, _ON_LINE)
    ]
    low = np.clip(np.ceil(np.minimum(*ends) - _ON_LINE), 0, columns).astype(np.int64)
    high = np.clip(np.floor(np.maximum(*ends) + _ON_LINE) + 1, 0, columns).astype(np.int64)
    touched = np.zeros((rows, columns + 1), np.int64)
    np.add.at(touched, (row, low), (low < high).astype(np.int64))
    np.add.at(touched, (row, high), -(low < high).astype(np.int64))
    return touched.cumsum(axis=1)[:, :columns] > 0


def _pairs(first: NDArray[np.float64], last: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return index of the edge and row, one pair for each row in [first, last) of each edge."""
    counts = np.maximum(last - first, 0).astype(np.int64)
    edge = np.repeat(np.arange(first.size), counts)
    within = np.arange(edge.size) - np.repeat(counts.cumsum() - counts, counts)
    return edge, first.astype(np.int64)[edge] + within
