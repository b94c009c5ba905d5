"""Smooth random fields, defined at every position in mm, so that a finer grid sees the same field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctbench.phantom.shapes import Floats, Points

__all__ = ["Lattice", "SliceNoise", "Waves"]


@dataclass(frozen=True, slots=True, eq=False)
class Waves:
    """A sum of plane-separable waves of zero mean and unit variance; cheap on a whole grid.

    Args:
        frequencies: modes,3: radians per mm along z, y, x.
        phases: modes,3: radians.
    """

    frequencies: Floats
    phases: Floats

    @classmethod
    def draw(cls, rng: np.random.Generator, wavelength_mm: float, modes: int = 5) -> Waves:
        """Draw waves that are about ``wavelength_mm`` long."""
        frequencies = 2.0 * np.pi / wavelength_mm * rng.uniform(0.25, 1.0, (modes, 3))
        return cls(frequencies, rng.uniform(0.0, 2.0 * np.pi, (modes, 3)))

    def on_grid(self, z: Floats, y: Floats, x: Floats) -> Floats:
        """Return the field, z,y,x, on the grid that three axes in mm span."""
        waves = [
            np.cos(np.multiply.outer(self.frequencies[:, axis], at) + self.phases[:, axis, None])
            for axis, at in enumerate((z, y, x))
        ]
        total, one = np.zeros((z.size, y.size, x.size)), np.empty((z.size, y.size, x.size))
        for along_z, along_y, along_x in zip(*waves, strict=True):
            total += np.multiply(np.multiply.outer(along_z, along_y)[:, :, None], along_x, out=one)
        return np.asarray(total * np.sqrt(8.0 / len(self.frequencies)))


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """A field given on a cubic lattice around the origin and interpolated linearly between.

    Args:
        values: z,y,x.
        step_mm: distance of lattice points.
    """

    values: Floats
    step_mm: float

    @classmethod
    def creases(cls, rng: np.random.Generator, apart_mm: float, reach_mm: float, step_mm: float = 2.0) -> Lattice:
        """Draw a field whose zeros are winding sheets about ``apart_mm`` apart; its size is the distance to them.

        Zeros of smoothed noise lie pi * sqrt(2) * sigma apart (Rice's formula), and value over gradient is the
        distance to the next zero, to first order.
        """
        size = 2 * int(np.ceil(reach_mm / step_mm)) + 1
        sigma = apart_mm / (np.pi * np.sqrt(2.0)) / step_mm
        noise = ndimage.gaussian_filter(rng.standard_normal((size, size, size)), sigma, truncate=3.0)
        slope = np.sqrt(sum(part * part for part in np.gradient(noise, step_mm)))
        return cls(np.clip(noise / np.maximum(slope, 1e-12), -apart_mm, apart_mm), step_mm)

    def at(self, points: Points) -> NDArray[np.float64]:
        """Return the field at points; beyond the lattice its edge goes on."""
        middle = (np.array(self.values.shape) - 1) / 2.0
        places = [axis / self.step_mm + at for axis, at in zip((points.z, points.y, points.x), middle, strict=True)]
        return np.asarray(ndimage.map_coordinates(self.values, places, order=1, mode="nearest"))


@dataclass(frozen=True, slots=True, eq=False)
class SliceNoise:
    """Noise of zero mean and unit variance that is smooth within each slice and unrelated between slices.

    Args:
        values: kinds,z,y,x on a coarse lattice.
        step: Distance of the lattice points in voxels, y and x.
        shape: z,y,x of the grid.
    """

    values: Floats
    step: tuple[float, float]
    shape: tuple[int, int, int]

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        kinds: int,
        shape: tuple[int, ...],
        spacing_mm: tuple[float, ...],
        smooth_mm: float,
    ) -> SliceNoise:
        """Draw ``kinds`` fields over a grid of ``shape`` z,y,x whose voxels are ``spacing_mm`` apart along y, x."""
        step = (smooth_mm / spacing_mm[0], smooth_mm / spacing_mm[1])
        coarse = [int(np.ceil(size / wide)) + 2 for size, wide in zip(shape[1:], step, strict=True)]
        # Linear interpolation keeps two thirds of the variance along each axis.
        values = 1.5 * rng.standard_normal((kinds, shape[0], *coarse))
        return cls(values, step, (shape[0], shape[1], shape[2]))

    def at(self, kind: int, where: NDArray[np.intp]) -> Floats:
        """Return one field at flat indices of the grid."""
        z, y, x = np.unravel_index(where, self.shape)
        (row, down), (column, right) = (_split(at / wide) for at, wide in zip((y, x), self.step, strict=True))
        field = self.values[kind]
        upper = field[z, row, column] * (1.0 - right) + field[z, row, column + 1] * right
        lower = field[z, row + 1, column] * (1.0 - right) + field[z, row + 1, column + 1] * right
        return np.asarray(upper * (1.0 - down) + lower * down)

    def everywhere(self, kind: int) -> Floats:
        """Return one field, z,y,x, on the whole grid."""
        field = self.values[kind]
        row, down = _split(np.arange(self.shape[1]) / self.step[0])
        column, right = _split(np.arange(self.shape[2]) / self.step[1])
        fine = field[:, row] * (1.0 - down[:, None]) + field[:, row + 1] * down[:, None]
        return np.asarray(fine[:, :, column] * (1.0 - right) + fine[:, :, column + 1] * right)


def _split(places: Floats) -> tuple[NDArray[np.intp], Floats]:
    whole = np.floor(places)
    return whole.astype(np.intp), places - whole
