"""Measurements of one structure in a reference and a prediction: the input of every metric's formula."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ctbench.metrics.abc2 import abc2_ml
from ctbench.metrics.distances import SurfaceDistances
from ctbench.metrics.pair import Crop, Mask, Pair
from ctbench.metrics.structures import Structure
from ctbench.metrics.surface import Surface, SurfaceModel, surface_distances

__all__ = ["Measured"]


@dataclass(frozen=True, eq=False)
class Measured:
    """One structure in a pair of label maps; everything is computed when a formula first reads it.

    Args:
        structure: The structure, with its codes and its tolerance.
        pair: Reference and prediction.
        spacing_mm: Spacing along z,y,x.
        surface: ``3d`` or ``2d``, as in ``score``.
        surface_model: ``dual_grid`` or ``mesh``, as in ``score``.
    """

    structure: Structure
    pair: Pair
    spacing_mm: tuple[float, float, float]
    surface: Surface = "3d"
    surface_model: SurfaceModel = "dual_grid"

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, in mL."""
        return float(np.prod(self.spacing_mm)) / 1000

    @property
    def diagonal_mm(self) -> float:
        """Diagonal of the image, in mm: the distance that penalises a missed structure."""
        return float(np.linalg.norm(np.multiply(self.pair.reference.shape, self.spacing_mm)))

    @property
    def n_reference(self) -> int:
        """Number of counted voxels in the reference."""
        return self._numbers[0]

    @property
    def n_prediction(self) -> int:
        """Number of counted voxels in the prediction."""
        return self._numbers[1]

    @property
    def n_both(self) -> int:
        """Number of counted voxels in both."""
        return self._numbers[2]

    @cached_property
    def distances(self) -> SurfaceDistances:
        """Distances of the surfaces, by area. Neither mask may be empty."""
        return self._distances(self.surface_model)

    @cached_property
    def voxel_distances(self) -> SurfaceDistances:
        """Distances of the surface voxels, each counting alike. Neither mask may be empty."""
        return self._distances("voxels")

    @property
    def abc2_ml(self) -> float:
        """ABC/2 estimate of the prediction's counted voxels, in mL."""
        return self._abc2(self._crop.prediction, column=1) if self._crop else 0.0

    @property
    def reference_abc2_ml(self) -> float:
        """ABC/2 estimate of the reference's counted voxels, in mL."""
        return self._abc2(self._crop.reference, column=0) if self._crop else 0.0

    @cached_property
    def _crop(self) -> Crop | None:
        return self.pair.crop(self.structure)

    @cached_property
    def _numbers(self) -> list[int]:
        return [0, 0, 0] if self._crop is None else [int(n) for n in self._crop.counts.sum(axis=0)]

    def _distances(self, model: SurfaceModel) -> SurfaceDistances:
        assert self._crop is not None
        diagonal_of_slice = float(np.linalg.norm(np.multiply(self.pair.reference.shape[1:], self.spacing_mm[1:])))
        return surface_distances(self._crop, self.spacing_mm, model, self.surface, diagonal_of_slice)

    def _abc2(self, mask: Mask, column: int) -> float:
        assert self._crop is not None
        uncounted = self._crop.uncounted
        counted = mask.voxels & (uncounted ^ 1) if uncounted.size else mask.voxels
        return abc2_ml(counted.view(np.bool_), self.spacing_mm, areas=self._crop.counts[:, column])
