"""A fully connected random field over a volume, by mean field (Krahenbuhl & Koltun 2011, arXiv 1210.5644).

Every voxel is tied to every other by two Gaussians: of their distance, and of distance and intensity. A message
to all voxels is then one filtering in the space of these features. A coarse grid does it in time linear in voxels and
classes (bilateral grid: Paris & Durand 2009, doi 10.1007/s11263-007-0110-8); only its cells near a voxel are kept.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ctbench.compiled import compiled

__all__ = ["DenseCrf", "GaussianFilter"]

_CELL = float(np.sqrt(1 / (1 / 2 + 2 / 6)))
"""Side of a cell in standard deviations. In cells squared, a blur by (1, 2, 1) / 4 has a variance of 1/2, and linear
weights one of 1/6, on the way to the grid and on the way back: together one standard deviation squared."""
_FLOOR = 1e-6
"""Smallest probability of a class, so that neighbours can still change the most certain voxel."""
_SCALE = 255.0
"""Intensities run from 0 to 1, and the paper's standard deviation is one of a scale to 255."""

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DenseCrf:
    """The random field of the paper's Eq. 6 and 7, with Potts' model: all pairs of different labels cost the same.

    Both kernels are normalised symmetrically, D^-1/2 K D^-1/2. Without that the spatial kernel adds up to 425 in three
    dimensions, outweighs any likelihood and erases a ball of a thousand voxels.

    Args:
        appearance: Weight of the kernel of distance and intensity.
        smoothness: Weight of the kernel of distance alone.
        reach: Standard deviation of distance in both, in voxels.
        contrast: Standard deviation of intensity, on a scale to 255.
        iterations: Number of mean-field iterations.
    """

    appearance: float = 3.0
    smoothness: float = 3.0
    reach: float = 3.0
    contrast: float = 10.0
    iterations: int = 5

    def refined(self, likelihoods: Floats, intensity: Floats, mask: Mask) -> Floats:
        """Return the probabilities after mean field.

        Args:
            likelihoods: class,voxel of the voxels in the mask; columns need not add up to 1.
            intensity: z,y,x from 0 to 1.
            mask: z,y,x; voxels outside have no part in the field.

        Returns:
            class,voxel.
        """
        places = np.argwhere(mask).astype(np.float32) / np.float32(self.reach)
        brightness = intensity[mask][:, None] * np.float32(_SCALE / self.contrast)
        kernels = [
            (weight, GaussianFilter.of(features))
            for weight, features in (
                (self.appearance, np.concatenate([places, brightness], axis=1)),
                (self.smoothness, places),
            )
            if weight
        ]
        unary = np.log(np.maximum(likelihoods.T, _FLOOR))
        q = _softmax(unary)
        for _ in range(self.iterations):
            q = _softmax(unary + sum(np.float32(weight) * kernel(q) for weight, kernel in kernels))
        return q.T


@dataclass(frozen=True, eq=False)
class GaussianFilter:
    """A Gaussian over features, symmetrically normalised.

    Args:
        vertices: point,corner: the grid's cells around every point; the first axis is the highest bit of a corner.
        shares: point,axis: how far into its cell a point lies, from 0 to 1.
        neighbours: axis,side,cell: the cells before and after every cell, 0 where there is none. Cell 0 is not real.
        norm: point,1; D^-1/2.
    """

    vertices: NDArray[np.int32]
    shares: Floats
    neighbours: NDArray[np.int32]
    norm: Floats

    @classmethod
    def of(cls, features: Floats) -> GaussianFilter:
        """Return the filter for the features of some points.

        Args:
            features: point,axis in standard deviations.
        """
        # A margin of one cell: every cell with a point near it has neighbours.
        places = (features - features.min(axis=0)) / np.float32(_CELL) + np.float32(1)
        low = np.floor(places)
        shape = tuple(int(most) + 3 for most in low.max(axis=0))
        steps = np.cumprod((1, *shape[:0:-1]))[::-1]
        corners = np.array(list(itertools.product((0, 1), repeat=len(shape)))) @ steps
        lowest = low.astype(np.int64) @ steps
        number = np.zeros(int(np.prod(shape)), np.int32)
        for corner in corners:
            number[lowest + corner] = 1
        kept = np.flatnonzero(number)
        number[kept] = np.arange(1, len(kept) + 1)
        vertices = np.stack([number[lowest + corner] for corner in corners], axis=1)
        neighbours = np.zeros((len(shape), 2, len(kept) + 1), np.int32)
        for axis, step in enumerate(steps):
            neighbours[axis, :, 1:] = number[kept - step], number[kept + step]
        ones = np.ones((len(features), 1), np.float32)
        bare = cls(vertices, places - low, neighbours, ones)
        return replace(bare, norm=(1 / np.sqrt(bare(ones))).astype(np.float32))

    def __call__(self, values: Floats) -> Floats:
        """Return the filtered values, point,class."""
        cells = _splat(values * self.norm, self.vertices, self.shares, self.neighbours.shape[2])
        for before, after in self.neighbours:
            cells = _blur(cells, before, after)
        return _slice(cells, self.vertices, self.shares) * self.norm


@compiled
def _splat(values: Floats, vertices: NDArray[np.int32], shares: Floats, count: int) -> Floats:
    """Return the sum of the points' values in the cells around them, with linear weights: cell,class."""
    cells = np.zeros((count, values.shape[1]), np.float32)
    for i in range(vertices.shape[0]):
        for corner in range(vertices.shape[1]):
            weight = np.float32(1)
            for axis in range(shares.shape[1]):
                after = (corner >> (shares.shape[1] - 1 - axis)) & 1
                weight *= shares[i, axis] if after else np.float32(1) - shares[i, axis]
            cell = vertices[i, corner]
            for k in range(values.shape[1]):
                cells[cell, k] += weight * values[i, k]
    return cells


@compiled
def _slice(cells: Floats, vertices: NDArray[np.int32], shares: Floats) -> Floats:
    """Return the values at every point, interpolated linearly between cells: point,class."""
    values = np.zeros((vertices.shape[0], cells.shape[1]), np.float32)
    for i in range(vertices.shape[0]):
        for corner in range(vertices.shape[1]):
            weight = np.float32(1)
            for axis in range(shares.shape[1]):
                after = (corner >> (shares.shape[1] - 1 - axis)) & 1
                weight *= shares[i, axis] if after else np.float32(1) - shares[i, axis]
            cell = vertices[i, corner]
            for k in range(cells.shape[1]):
                values[i, k] += weight * cells[cell, k]
    return values


@compiled
def _blur(cells: Floats, before: NDArray[np.int32], after: NDArray[np.int32]) -> Floats:
    """Blur along one axis with (1, 2, 1) / 4; cell 0 stays empty."""
    blurred = np.zeros_like(cells)
    for i in range(1, cells.shape[0]):
        for k in range(cells.shape[1]):
            blurred[i, k] = np.float32(0.5) * cells[i, k] + np.float32(0.25) * (
                cells[before[i], k] + cells[after[i], k]
            )
    return blurred


def _softmax(field: Floats) -> Floats:
    """Return the softmax over the last axis."""
    weights: Floats = np.exp(field - field.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights
