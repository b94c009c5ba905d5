"""Input of DeepNAT: the brain in cubic voxels, without its surroundings, with the coordinates of every voxel."""

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
from reference_models.scans.resampling import ResampledGrid
from reference_models.scans.t1 import WHITE_MATTER, check_stripped, normalised

__all__ = ["SeenBrain", "see_brain"]

_OUTSIDE = -2.0
"""Intensity outside the brain; the window is scaled to -2..2, so that the brain lies around 0."""
_SPREAD = 3.0
"""Root mean square of coordinates: structures a few millimetres across then need no large weights."""
_CARTESIAN_MM = 50.0 / _SPREAD
"""Unit of the Cartesian coordinates. A brain's have a root mean square of 40 to 60 mm; it is not made equal, since the
paper only subtracts their mean."""
_T1_WINDOW = (0.0, WHITE_MATTER * 1.4)
"""Intensities of a normalised T1 that are scaled to the window; white matter is 110, and vessels are brighter."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SeenBrain:
    """Input of the networks for one brain.

    Args:
        grid: Grid of cubic voxels.
        box: Part of the grid that holds the brain.
        mask: z,y,x brain mask in the box.
        channels: channel,z,y,x float32: intensity from -2 to 2 and -2 outside the brain, then the coordinates; with
            12 voxels before and 11 after the box along each axis.
    """

    grid: ResampledGrid
    box: tuple[slice, slice, slice]
    mask: Mask
    channels: torch.Tensor

    @property
    def intensity(self) -> NDArray[np.float32]:
        """Return the intensities in the box, z,y,x, from 0 to 1."""
        after = SUPPORT - 1 - BEFORE
        inside: NDArray[np.float32] = self.channels[0, BEFORE:-after, BEFORE:-after, BEFORE:-after].numpy()
        return (inside - _OUTSIDE) / (-2 * _OUTSIDE)

    def in_box(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array of the image, resampled to the box as in ``ResampledGrid.to_grid``."""
        return self.grid.to_grid(array)[self.box]

    def to_image(self, one: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a map z,y,x of the box on the image's grid, interpolated linearly; 0 outside the box."""
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
    """Return the input of the networks for a scan.

    The method was published for MRI; its adaptation to CT is ours. A CT's brain is the cavity inside the skull, and its
    HU are scaled from a window. A T1 must come skull-stripped, as the paper's did; it is corrected for bias and scaled
    to its white matter here, see ``reference_models.scans.t1``.

    Args:
        image: A CT in HU, or a T1 that is 0 outside the brain.
        modality: ct or t1.
        spacing_mm: Side of the cubic voxels.
        spectral_mm: Side of the blocks on which spectral coordinates are solved, rounded to whole voxels.
        window_hu: HU range of a CT that is scaled and clipped.
        coordinates: Coordinates that are added as channels: spectral, Cartesian (distance from the centre of mass in
            units of 50 mm), both or none.

    Returns:
        The input; None where there is no brain.

    Raises:
        DataError: A CT that is not in HU, a T1 that is not skull-stripped, or a brain of a few voxels.
    """
    mask = brain_mask(check_hu(image)) if modality == "ct" else check_stripped(image)
    if not mask.any():
        return None
    grid = ResampledGrid.of(image, spacing_mm)
    inside = grid.to_grid(mask)
    if not inside.any():
        return None
    ((z, y, x),) = ndimage.find_objects(inside.astype(np.uint8))
    box = (z, y, x)
    cut = inside[box]
    if modality == "ct":
        scaled = windowed(image.array.astype(np.float32), window_hu)
    else:
        scaled = windowed(normalised(image, mask), _T1_WINDOW)
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
    """Return the distance of every voxel of a mask from its centre of mass along z, y and x; 0 outside."""
    places = np.argwhere(mask)
    maps = np.zeros((3, *mask.shape), np.float32)
    maps[:, mask] = ((places - places.mean(axis=0)) * (spacing_mm / _CARTESIAN_MM)).T
    return maps
