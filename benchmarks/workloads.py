"""Pairs of label maps to measure on, made from a seed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["WORKLOADS", "Workload", "balls", "make", "noise", "one_label", "readers", "shifted"]

Labels = NDArray[np.int16]


class Workload(NamedTuple):
    """Grid of a workload, and the largest and the smallest share of its voxels that a label takes."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    labels: int
    largest: float
    smallest: float


WORKLOADS = {
    "A": Workload((40, 512, 512), (5.0, 0.45, 0.45), 11, 0.14, 1e-4),
    "B": Workload((256, 256, 256), (1.0, 1.0, 1.0), 25, 0.06, 1e-4),
}


def make(workload: Workload, seed: int = 0) -> tuple[Labels, Labels]:
    """Make a reference of smooth, winding structures, and a prediction: it deformed, with one stray voxel far away."""
    rng = np.random.default_rng(seed)
    reference = _reference(workload, rng)
    prediction = _deformed(reference, workload, rng, size_mm=1.2)
    prediction[0, 0, 0] = 1
    return reference, prediction


def readers(labels: Labels, workload: Workload, count: int, seed: int = 1) -> list[Labels]:
    """Return the labels as several readers would draw them: each deformed by .6 mm, differently."""
    rng = np.random.default_rng(seed)
    return [_deformed(labels, workload, rng, size_mm=0.6) for _ in range(count)]


def shifted(labels: Labels, workload: Workload, by_mm: float = 8.0) -> Labels:
    """Return the labels shifted along y."""
    return np.roll(labels, round(by_mm / workload.spacing_mm[1]), axis=1)


def noise(workload: Workload, seed: int = 0) -> tuple[Labels, Labels]:
    """Make a reference of an eighth of the voxels, and a prediction in which every voxel has a random label."""
    smaller = workload._replace(shape=tuple(n // 2 for n in workload.shape))
    reference, _ = make(smaller, seed)
    rng = np.random.default_rng(seed)
    return reference, rng.integers(0, workload.labels + 1, reference.shape, dtype=np.int16)


def balls(workload: Workload) -> tuple[Labels, Labels]:
    """Make as many separate balls as there are labels, each with its own code, and a prediction one voxel beside."""
    reference = np.zeros(workload.shape, np.int16)
    side = int(np.ceil(workload.labels ** (1 / 3)))
    cell = np.array(workload.shape) // side
    grid = (np.indices(cell).T - (cell - 1) / 2).T
    ball = np.sqrt(sum(axis**2 for axis in grid / (0.4 * cell)[:, None, None, None])) <= 1
    for label, corner in zip(range(1, workload.labels + 1), np.ndindex(side, side, side), strict=False):
        start = np.array(corner) * cell
        reference[tuple(slice(a, a + n) for a, n in zip(start, cell, strict=True))][ball] = label
    return reference, np.roll(reference, 1, axis=2)


def one_label(labels: Labels) -> Labels:
    """Return the labels with one code for all structures."""
    return (labels > 0).astype(np.int16)


def _reference(workload: Workload, rng: np.random.Generator) -> Labels:
    reference = np.zeros(workload.shape, np.int16)
    middle = 0.5 * np.multiply(workload.shape, workload.spacing_mm)
    grid = [
        (np.arange(n, dtype=np.float32) + 0.5) * step
        for n, step in zip(workload.shape, workload.spacing_mm, strict=True)
    ]
    winding = 0.1 * _smooth(workload, rng, grain_mm=12)
    for label, share in enumerate(np.geomspace(workload.largest, workload.smallest, workload.labels), start=1):
        centre = middle if label == 1 else middle * rng.uniform(0.65, 1.35, 3)
        z, y, x = (((axis - at) / size) ** 2 for axis, at, size in zip(grid, centre, middle, strict=True))
        bump = np.roll(winding, rng.integers(workload.shape), axis=(0, 1, 2))
        bump += np.sqrt(z[:, None, None] + y[:, None] + x)
        reference[bump <= np.quantile(bump[::2, ::4, ::4], share)] = label
    return reference


def _deformed(labels: Labels, workload: Workload, rng: np.random.Generator, size_mm: float) -> Labels:
    index = []
    for axis, (n, step) in enumerate(zip(workload.shape, workload.spacing_mm, strict=True)):
        here = np.arange(n, dtype=np.float32).reshape([-1 if other == axis else 1 for other in range(3)])
        moved = here + size_mm / step * _smooth(workload, rng, grain_mm=20)
        index.append(np.clip(np.rint(moved), 0, n - 1).astype(np.int16))
    return labels[tuple(index)]


def _smooth(workload: Workload, rng: np.random.Generator, grain_mm: float) -> NDArray[np.float32]:
    """Make a field of unit variance that varies over ``grain_mm``: random numbers, interpolated along every axis."""
    coarse = [max(4, round(n * step / grain_mm)) for n, step in zip(workload.shape, workload.spacing_mm, strict=True)]
    field = rng.normal(size=coarse).astype(np.float32)
    for n in workload.shape:
        # The last axis is interpolated and becomes the first; after three turns all are in place.
        field = np.moveaxis(field, 0, -1) @ _hats(field.shape[0], n)
    return field / field.std()


def _hats(n: int, fine: int) -> NDArray[np.float32]:
    """Return the weights of ``n`` knots at ``fine`` points between them, smooth and adding up to 1."""
    away = np.abs(np.linspace(0, n - 1, fine) - np.arange(n)[:, None])
    return np.where(away < 1, 0.5 + 0.5 * np.cos(np.pi * np.minimum(away, 1)), 0).astype(np.float32)
