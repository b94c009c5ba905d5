"""What DeepNAT sees of a scan: a brain in cubic voxels without anything around it, and where in it each voxel lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from ctbench.volume import Volume
from reference_models.deepnat.inputs import Coordinates, Modality
from reference_models.deepnat.network import BEFORE, SUPPORT
from reference_models.deepnat.spectral import spectral_coordinates
from reference_models.scans.brain import brain_mask
from reference_models.scans.hounsfield import check_hu, windowed
from reference_models.scans.isotropic import IsotropicGrid

__all__ = ["SeenBrain", "see_brain"]

_OUTSIDE = -2.0
"""Intensity of what is not brain; the window's ends are at -2 and 2, so that the brain lies about 0."""
_SPREAD = 3.0
"""Root mean square of coordinates: structures a few millimetres across then need no large weights."""
_CARTESIAN_MM = 50.0 / _SPREAD
"""Unit of the Cartesian coordinates. A brain's have a root mean square of 40 to 60 mm; it is not made equal, since the
paper only subtracts their mean."""
_T1_PERCENTILES = (1.0, 99.0)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SeenBrain:
    """One brain as the networks see it.

    Args:
        grid: of the cubic voxels.
        box: the part of the grid that holds the brain.
        mask: z,y,x in the box.
        channels: channel,z,y,x float32: intensity from -2 to 2 and -2 outside the brain, then the coordinates; with
            12 voxels before and 11 after the box along each axis.
    """

    grid: IsotropicGrid
    box: tuple[slice, slice, slice]
    mask: Mask
    channels: torch.Tensor

    @property
    def intensity(self) -> NDArray[np.float32]:
        """Give the intensities in the box, z,y,x, from 0 to 1."""
        after = SUPPORT - 1 - BEFORE
        inside: NDArray[np.float32] = self.channels[0, BEFORE:-after, BEFORE:-after, BEFORE:-after].numpy()
        return (inside - _OUTSIDE) / (-2 * _OUTSIDE)

    def in_box(self, array: NDArray[Any]) -> NDArray[Any]:
        """Bring an array of the image into the box, as ``IsotropicGrid.to_grid`` does."""
        return self.grid.to_grid(array)[self.box]

    def to_image(self, one: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring a map z,y,x of the box onto the image's grid, linearly; outside the box it is 0."""
        whole = np.zeros(self.grid.shape, np.float32)
        whole[self.box] = one
        return self.grid.to_native(whole)


def see_brain(
    image: Volume,
    *,
    modality: Modality = "ct",
    spacing_mm: float = 1.0,
    spectral_mm: float = 1.0,
    window_hu: tuple[float, float] = (0.0, 80.0),
    coordinates: Coordinates = "both",
) -> SeenBrain | None:
    """Prepare a scan.

    The method is one for MRI; what a CT needs instead is ours. A CT's brain is the cavity inside the skull, and its HU
    are scaled from a window. A T1 must come with nothing but the brain in it and be corrected for bias, as the paper's
    did; its window is that in which all but the lowest and the highest 1 % of the brain lie.

    Args:
        image: a CT in HU, or a T1 that is 0 outside the brain.
        modality: which of the two.
        spacing_mm: of the cubic voxels.
        spectral_mm: of the blocks on which spectral coordinates are solved, rounded to whole voxels.
        window_hu: of a CT.
        coordinates: which are added: spectral, Cartesian (distance from the centre of mass, unit 50 mm), both, none.

    Returns:
        nothing where there is no brain.

    Raises:
        DataError: a CT that is not in HU, or a brain of a few voxels.
    """
    mask = brain_mask(check_hu(image)) if modality == "ct" else image.array != 0
    if not mask.any():
        return None
    grid = IsotropicGrid.of(image, spacing_mm)
    inside = grid.to_grid(mask)
    if not inside.any():
        return None
    ((z, y, x),) = ndimage.find_objects(inside.astype(np.uint8))
    box = (z, y, x)
    cut = inside[box]
    values = image.array.astype(np.float32)
    scaled = windowed(values, window_hu if modality == "ct" else _t1_window(values[mask]))
    seen = np.where(cut, grid.to_grid(scaled)[box] * np.float32(-2 * _OUTSIDE), 0) + np.float32(_OUTSIDE)
    maps = [seen[None]]
    if coordinates in {"both", "spectral"}:
        maps.append(spectral_coordinates(cut, max(1, round(spectral_mm / spacing_mm))) * np.float32(_SPREAD))
    if coordinates in {"both", "cartesian"}:
        maps.append(_cartesian(cut, spacing_mm))
    around = (BEFORE, SUPPORT - 1 - BEFORE)
    channels = np.pad(np.concatenate(maps), [(0, 0), around, around, around])
    # Beyond the box there is no brain either.
    channels[0] = np.pad(seen, around, constant_values=_OUTSIDE)
    return SeenBrain(grid, box, cut, torch.from_numpy(channels))


def _cartesian(mask: Mask, spacing_mm: float) -> NDArray[np.float32]:
    """Give the distance of every voxel of a mask from its centre of mass along z, y and x; 0 outside."""
    places = np.argwhere(mask)
    maps = np.zeros((3, *mask.shape), np.float32)
    maps[:, mask] = ((places - places.mean(axis=0)) * (spacing_mm / _CARTESIAN_MM)).T
    return maps


def _t1_window(values: NDArray[np.float32]) -> tuple[float, float]:
    low, high = np.percentile(values, _T1_PERCENTILES)
    return float(low), float(max(high, low + 1e-6))
