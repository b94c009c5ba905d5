"""Multigrid for the graph Laplacian of a mask: neighbouring voxels are joined, eight by eight, into coarser graphs.

As a preconditioner it need not be exact: it works in single precision, which halves the memory traffic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
import scipy.sparse
from numpy.typing import NDArray

__all__ = ["Level", "hierarchy", "laplacian", "v_cycle"]

_COARSEST = 600
"""Number of nodes below which a graph is solved densely."""
_DAMPING = 0.8
_OVERCORRECTION = 2.0
"""The coarse graph is too stiff by this: four edges of length 1 stand where one of length 2 and area 4 should be."""

Single = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Level:
    """One graph of a hierarchy.

    Args:
        laplacian: node,node; D - W.
        parents: The node of the next coarser graph that each node was joined into; None on the coarsest.
    """

    laplacian: scipy.sparse.csr_array
    parents: NDArray[np.intp] | None

    @cached_property
    def single(self) -> scipy.sparse.csr_array:
        """Return the Laplacian in single precision."""
        return scipy.sparse.csr_array(self.laplacian.astype(np.float32))

    @cached_property
    def damped(self) -> Single:
        """Return the damped inverse of the diagonal, node,1; 0 for a node without neighbours."""
        degree = self.single.diagonal()
        damped: Single = np.divide(_DAMPING, degree, out=np.zeros_like(degree), where=degree > 0)[:, None]
        return damped

    @cached_property
    def joining(self) -> scipy.sparse.csr_array:
        """Return the matrix that sums the values of joined nodes: parent,node."""
        assert self.parents is not None
        return _joining(self.parents)

    @cached_property
    def inverse(self) -> Single:
        """Return the pseudo-inverse, node,node; for the coarsest graph."""
        inverse: Single = scipy.linalg.pinvh(self.laplacian.toarray()).astype(np.float32)
        return inverse


def laplacian(mask: Mask) -> scipy.sparse.csr_array:
    """Return D - W of a mask's voxels, in raster order; neighbours share a face and weigh 1 (the paper's Eq. 5)."""
    number = np.full(mask.shape, -1, np.int64)
    count = int(np.count_nonzero(mask))
    number[mask] = np.arange(count)
    pairs = []
    for axis in range(3):
        here, there = np.moveaxis(number, axis, 0)[:-1], np.moveaxis(number, axis, 0)[1:]
        both = (here >= 0) & (there >= 0)
        pairs.append(np.stack([here[both], there[both]]))
    first, second = np.concatenate(pairs, axis=1)
    ones = np.ones(len(first))
    weights = scipy.sparse.coo_array((ones, (first, second)), shape=(count, count)).tocsr()
    weights = weights + weights.T
    return scipy.sparse.csr_array(scipy.sparse.diags_array(weights.sum(axis=1)) - weights)


def hierarchy(mask: Mask) -> list[Level]:
    """Return the graph of a mask and its coarser ones, down to one of a few hundred nodes."""
    levels, places = [], np.argwhere(mask)
    matrix = laplacian(mask)
    while len(places) > _COARSEST:
        coarse, parents = _joined(places // 2)
        if len(coarse) == len(places):
            break
        levels.append(Level(matrix, parents))
        join = levels[-1].joining
        matrix = scipy.sparse.csr_array(join @ matrix @ join.T)
        places = coarse
    return [*levels, Level(matrix, None)]


def v_cycle(levels: Sequence[Level], residual: Single) -> Single:
    """Return an approximate solution of L x = residual; the step is symmetric, as a preconditioner must be.

    Args:
        levels: Graphs from fine to coarse.
        residual: node,column on the finest graph.
    """
    level = levels[0]
    if level.parents is None:
        return level.inverse @ residual
    x = level.damped * residual
    x += level.damped * (residual - level.single @ x)
    coarse = v_cycle(levels[1:], level.joining @ (residual - level.single @ x))
    x += _OVERCORRECTION * coarse[level.parents]
    for _ in range(2):
        x += level.damped * (residual - level.single @ x)
    return x


def _joined(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return the distinct cells, and the index of every cell among them."""
    shape = cells.max(axis=0) + 1
    flat, parents = np.unique(np.ravel_multi_index(tuple(cells.T), tuple(shape)), return_inverse=True)
    return np.stack(np.unravel_index(flat, tuple(shape)), axis=1), parents


def _joining(parents: NDArray[np.intp]) -> scipy.sparse.csr_array:
    count = len(parents)
    return scipy.sparse.csr_array(
        (np.ones(count, np.float32), (parents, np.arange(count))), shape=(int(parents.max()) + 1, count)
    )
