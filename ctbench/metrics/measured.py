"""Measurements of one structure in references and a prediction: the input of every metric's formula."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ctbench.metrics.abc2 import abc2_of_slices
from ctbench.metrics.comparison import Comparison
from ctbench.metrics.crop import Crop, Mask
from ctbench.metrics.distances import SurfaceDistances
from ctbench.metrics.shapes import Masks
from ctbench.metrics.structures import Structure
from ctbench.metrics.surface import Surface, SurfaceModel, surface_distances

__all__ = ["Measured", "StructureMeasurements"]


@dataclass(frozen=True, eq=False)
class StructureMeasurements:
    """One structure in a prediction and all its references; everything is computed when a formula first reads it.

    Args:
        structure: The structure, with its codes and its tolerance.
        comparison: The references and the prediction.
        spacing_mm: Spacing along z,y,x.
        surface: ``3d`` or ``2d``, as in ``score``.
        surface_model: ``dual_grid`` or ``mesh``, as in ``score``.
    """

    structure: Structure
    comparison: Comparison
    spacing_mm: tuple[float, float, float]
    surface: Surface = "3d"
    surface_model: SurfaceModel = "dual_grid"

    @cached_property
    def against(self) -> list[Measured]:
        """The measurements against each reference."""
        return [Measured(self, plane) for plane in range(len(self.comparison.references))]

    @cached_property
    def crop(self) -> Crop | None:
        """The masks; None where no voxel holds the structure."""
        return self.comparison.crop(self.structure)

    @cached_property
    def numbers(self) -> list[list[int]]:
        """Numbers of counted voxels by reference: in the reference, in the prediction, in both."""
        if self.crop is None:
            return [[0, 0, 0]] * len(self.comparison.references)
        totals: list[list[int]] = self.crop.counts.sum(axis=1).tolist()
        return totals

    @cached_property
    def distances(self) -> dict[int, SurfaceDistances]:
        """Distances of the surfaces, by area, from each reference that is not empty."""
        return self._distances(self.surface_model)

    @cached_property
    def voxel_distances(self) -> dict[int, SurfaceDistances]:
        """Distances of the surface voxels, each counting alike, from each reference that is not empty."""
        return self._distances("voxels")

    def _distances(self, model: SurfaceModel) -> dict[int, SurfaceDistances]:
        assert self.crop is not None
        planes = [plane for plane, (held, drawn, _) in enumerate(self.numbers) if held and drawn]
        diagonal_of_slice = float(np.linalg.norm(np.multiply(self.comparison.shape[1:], self.spacing_mm[1:])))
        return surface_distances(self.crop, planes, self.spacing_mm, model, self.surface, diagonal_of_slice)


@dataclass(frozen=True, eq=False)
class Measured:
    """One structure in a prediction and one of its references.

    Args:
        measurements: The structure in the prediction and all references.
        plane: Index of the reference.
    """

    measurements: StructureMeasurements
    plane: int

    @property
    def structure(self) -> Structure:
        """The structure that is measured."""
        return self.measurements.structure

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, in mL."""
        return float(np.prod(self.measurements.spacing_mm)) / 1000

    @property
    def diagonal_mm(self) -> float:
        """Diagonal of the image, in mm: the distance that penalises a missed structure."""
        return float(np.linalg.norm(np.multiply(self.measurements.comparison.shape, self.measurements.spacing_mm)))

    @property
    def n_reference(self) -> int:
        """Number of counted voxels in the reference."""
        return self.measurements.numbers[self.plane][0]

    @property
    def n_prediction(self) -> int:
        """Number of counted voxels in the prediction."""
        return self.measurements.numbers[self.plane][1]

    @property
    def n_both(self) -> int:
        """Number of counted voxels in both."""
        return self.measurements.numbers[self.plane][2]

    @cached_property
    def n_counted(self) -> int:
        """Number of counted voxels of the image."""
        comparison = self.measurements.comparison
        reference = comparison.references[self.plane]
        depth, height, width = comparison.shape
        annotated = np.ones(depth, bool) if reference.annotated is None else reference.annotated
        group = reference.groups.get(self.structure.name)
        excluded = 0
        if group is not None:
            excluded = int(np.count_nonzero(group.excluded & annotated[group.at[0]]))
        elif reference.excluded is not None:
            excluded = int(np.count_nonzero(reference.excluded[annotated]))
        return int(np.count_nonzero(annotated) * height * width - excluded)

    @cached_property
    def masks(self) -> Masks:
        """The masks around all voxels of both, with a margin of background. At least one mask is not empty."""
        crop = self.measurements.crop
        assert crop is not None
        window, plane = crop.windows[self.plane], np.uint8(1 << self.plane)
        reference, prediction = (one.voxels[window] & plane > 0 for one in (crop.reference, crop.prediction))
        uncounted = crop.uncounted[window] & plane > 0 if crop.uncounted.size else np.zeros(reference.shape, bool)
        return Masks(reference, prediction, ~uncounted)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Spacing along z,y,x."""
        return self.measurements.spacing_mm

    @property
    def planar(self) -> bool:
        """Whether surfaces are measured within each slice."""
        return self.measurements.surface == "2d"

    @property
    def distances(self) -> SurfaceDistances:
        """Distances of the surfaces, by area. Neither mask may be empty."""
        return self.measurements.distances[self.plane]

    @property
    def voxel_distances(self) -> SurfaceDistances:
        """Distances of the surface voxels, each counting alike. Neither mask may be empty."""
        return self.measurements.voxel_distances[self.plane]

    @property
    def abc2_ml(self) -> float:
        """ABC/2 estimate of the prediction's counted voxels, in mL."""
        crop = self.measurements.crop
        return self._abc2(crop, crop.prediction, column=1) if crop else 0.0

    @property
    def reference_abc2_ml(self) -> float:
        """ABC/2 estimate of the reference's counted voxels, in mL."""
        crop = self.measurements.crop
        return self._abc2(crop, crop.reference, column=0) if crop else 0.0

    def _abc2(self, crop: Crop, mask: Mask, column: int) -> float:
        _, *within = crop.windows[self.plane]

        def counted(z: int) -> NDArray[np.bool_]:
            voxels = mask.voxels[z][*within]
            if crop.uncounted.size:
                voxels = voxels & ~crop.uncounted[z][*within]
            return np.asarray(voxels & np.uint8(1 << self.plane) > 0)

        return abc2_of_slices(crop.counts[self.plane, :, column], counted, self.measurements.spacing_mm)
