"""Simulated scanner: slice thickness, noise, beam hardening, rounding to whole Hounsfield units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctbench.phantom.shapes import Floats

__all__ = ["NOISE_HU", "OTHER_SCANNER", "SCANNERS", "Scanner", "average_slices", "most_frequent", "scan"]


@dataclass(frozen=True, slots=True)
class Scanner:
    """The artefacts of a scanner.

    Args:
        name: Name in the case table.
        cupping_hu: How much brighter brain is beside bone, HU.
        offset_hu: Error of the calibration, HU.
    """

    name: str
    cupping_hu: float
    offset_hu: float


SCANNERS = (Scanner("A", 2.0, 0.0), Scanner("B", 3.0, 1.0), Scanner("C", 4.0, -1.0))

OTHER_SCANNER = Scanner("D", 8.0, 5.0)
"""A scanner that no head of the usual datasets was scanned with: more beam hardening, another calibration."""

NOISE_HU = {"low": 2.8, "high": 3.8}
"""Dose of a scan -> standard deviation of its noise."""

_GRAIN_MM = 0.7
_CUPPING_MM = 7.0


def average_slices(subslices: NDArray[np.float32], count: int) -> Floats:
    """Average runs of ``count`` subslices: partial volume."""
    grouped = subslices.reshape(-1, count, *subslices.shape[1:])
    total = np.zeros(grouped[:, 0].shape)
    for index in range(count):
        total += grouped[:, index]
    return total / count


def most_frequent(subslices: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Return the most frequent label among runs of ``count`` subslices; the one nearest the middle wins a tie."""
    grouped = subslices.reshape(-1, count, *subslices.shape[1:])
    best = grouped[:, count // 2].copy()
    most = np.zeros(best.shape, np.uint8)
    for index in sorted(range(count), key=lambda at: abs(at - count // 2)):
        votes = (grouped == grouped[:, index : index + 1]).sum(axis=1, dtype=np.uint8)
        better = votes > most
        best[better], most[better] = grouped[:, index][better], votes[better]
    return best


def scan(
    hu: Floats, scanner: Scanner, noise_hu: float, spacing_mm: tuple[float, float, float], rng: np.random.Generator
) -> NDArray[np.int16]:
    """Return the image that the scanner stores.

    Args:
        hu: z,y,x, the true HU.
        scanner: The scanner with its artefacts.
        noise_hu: Standard deviation of the noise, HU.
        spacing_mm: Spacing along z, y, x.
        rng: Generator of the noise.
    """
    in_plane = (0.0, *(max(0.5, _GRAIN_MM / step) for step in spacing_mm[1:]))
    noise = ndimage.gaussian_filter(rng.standard_normal(hu.shape), in_plane, truncate=3.0)
    noise *= noise_hu / noise.std()
    bone = (hu > 300.0).astype(np.float64)
    near_bone = ndimage.gaussian_filter(bone, (0.0, *(_CUPPING_MM / step for step in spacing_mm[1:])), truncate=2.0)
    soft = (hu > -20.0) & (hu < 120.0)
    stored = hu + noise + scanner.offset_hu + np.where(soft, 2.0 * scanner.cupping_hu * near_bone, 0.0)
    return np.clip(np.rint(stored), -1024, 3071).astype(np.int16)
