"""Spectral brain coordinates: the first three eigenfunctions of a mask's graph Laplacian (Wachinger et al. 2018, 2.4).

They are the slowest vibrations of the brain's shape, roughly one along each axis, and do not depend on where it lies.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import scipy.sparse.linalg
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from ctbench.errors import DataError
from reference_models.deepnat.multigrid import hierarchy, v_cycle
from reference_models.scans.interpolation import read_between

__all__ = ["RESIDUAL", "eigenfunctions", "spectral_coordinates"]

RESIDUAL = 1e-3
"""Largest ||L f - lambda f|| over lambda ||f||: the eigenvalues are so small that an absolute one says nothing."""

_WANTED = 3
_GUARDS = 2
"""Further vectors on the coarse graphs, so that none of the wanted three is missed where eigenvalues lie close."""
_ROUGH = 1e-2
"""Residual on the coarse graphs, whose eigenvectors are only where the next finer ones start."""
_ITERATIONS = 80
_FEWEST = 2 * (_WANTED + _GUARDS)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_log = logging.getLogger("reference_models")


def spectral_coordinates(mask: Mask, step: int = 1) -> NDArray[np.float32]:
    """Return the three spectral coordinates of every voxel.

    Each has a mean of 0 and a root mean square of 1 over the mask. Eigenvectors have no sign, and close ones may swap:
    here each goes to the axis whose Cartesian coordinate it follows best, all three together, and rises along it. So
    two scans of one head agree, as long as their axes point the same way in the patient.

    Args:
        mask: z,y,x in the patient's order; the coordinates are those of its largest connected piece; other voxels
            take the value of the nearest voxel of that piece.
        step: Solve on blocks of so many voxels a side, and interpolate linearly in between.

    Returns:
        z or y or x,z,y,x; 0 outside the mask.

    Raises:
        DataError: The mask has fewer than ten voxels (or blocks) in one piece.
    """
    coarse = _largest_piece(_blocks(mask, step))
    _, functions = eigenfunctions(coarse)
    ordered = _ordered(functions, np.argwhere(coarse))
    maps = np.zeros((_WANTED, *coarse.shape))
    maps[:, coarse] = ordered.T
    nearest = ndimage.distance_transform_edt(~coarse, return_distances=False, return_indices=True)
    places = [(np.arange(size) + 0.5) / step - 0.5 for size in mask.shape]
    filled = maps[:, *nearest]
    values = read_between(filled, places)[:, mask]
    values -= values.mean(axis=1, keepdims=True)
    values /= np.sqrt((values**2).mean(axis=1, keepdims=True))
    result = np.zeros((_WANTED, *mask.shape), np.float32)
    result[:, mask] = values
    return result


def eigenfunctions(mask: Mask) -> tuple[Array, Array]:
    """Return the three smallest eigenvalues above 0, and their eigenvectors.

    LOBPCG (Knyazev 2001) with multigrid as its preconditioner: nothing of the full size is factorised. It begins on
    the coarsest graph, which is solved exactly, and every graph starts from the vectors of the one before.

    Args:
        mask: z,y,x in one piece.

    Returns:
        eigenvalues, and node,vector in the mask's raster order, of norm 1. A residual above ``RESIDUAL`` is logged.

    Raises:
        DataError: The mask has fewer than ten voxels.
    """
    levels = hierarchy(mask)
    nodes = levels[0].laplacian.shape[0]
    if nodes < _FEWEST:
        msg = f"a mask of {nodes} voxels has no spectral coordinates; expected a brain, of {_FEWEST} voxels at least"
        raise DataError(msg)
    values, vectors = np.linalg.eigh(levels[-1].laplacian.toarray())
    values, vectors = values[1 : 1 + _WANTED + _GUARDS], vectors[:, 1 : 1 + _WANTED + _GUARDS]
    for finest in range(len(levels) - 2, -1, -1):
        matrix, parents = levels[finest].laplacian, levels[finest].parents
        assert parents is not None
        start = vectors[parents]
        if finest == 0:
            start = start[:, :_WANTED]
        rayleigh = (start * (matrix @ start)).sum(axis=0) / (start**2).sum(axis=0)
        # The values that the start promises are too high, by less than a factor of two.
        tolerance = (RESIDUAL if finest == 0 else _ROUGH) * rayleigh.min() / 2
        values, vectors = _solved(levels[finest:], start, tolerance)
    _report(levels[0].laplacian, values, vectors)
    return values[:_WANTED], vectors[:, :_WANTED]


def _solved(levels: list[Any], start: Array, tolerance: float) -> tuple[Array, Array]:
    nodes = len(start)

    def precondition(residual: Array) -> Array:
        columns = np.ascontiguousarray(residual.reshape(nodes, -1), dtype=np.float32)
        return v_cycle(levels, columns).astype(np.float64).reshape(residual.shape)

    operator = scipy.sparse.linalg.LinearOperator(
        (nodes, nodes), matvec=precondition, matmat=precondition, dtype=np.float64
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a tolerance that was not reached: it is checked at the end
        values, vectors = scipy.sparse.linalg.lobpcg(
            levels[0].laplacian,
            start,
            M=operator,
            Y=np.ones((nodes, 1)),
            largest=False,
            tol=tolerance,
            maxiter=_ITERATIONS,
        )
    return values, np.real(vectors)


def _report(matrix: Any, values: Array, vectors: Array) -> None:
    residual = np.linalg.norm(matrix @ vectors - vectors * values, axis=0)[:_WANTED] / values[:_WANTED]
    if residual.max() > RESIDUAL:
        _log.warning("spectral coordinates are rough: a residual of %.1e, expected %.0e", residual.max(), RESIDUAL)


def _ordered(functions: Array, places: NDArray[np.int64]) -> Array:
    """Return node,axis: for each axis the function that correlates with it best, with a positive sign."""
    correlation = np.corrcoef(functions.T, places.T)[:_WANTED, _WANTED:]
    chosen, axes = linear_sum_assignment(-np.abs(correlation))
    ordered = np.empty_like(functions)
    ordered[:, axes] = functions[:, chosen] * np.where(correlation[chosen, axes] < 0, -1.0, 1.0)
    return ordered


def _blocks(mask: Mask, step: int) -> Mask:
    """Return the blocks of which at least half lies in the mask."""
    if step == 1:
        return mask
    padded = np.pad(mask, [(0, -size % step) for size in mask.shape])
    split = padded.reshape([part for size in padded.shape for part in (size // step, step)])
    blocks: Mask = split.mean(axis=(1, 3, 5)) >= 0.5
    return blocks


def _largest_piece(mask: Mask) -> Mask:
    pieces, count = ndimage.label(mask)
    if count < 2:
        return mask
    largest: Mask = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    return largest
