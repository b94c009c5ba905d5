"""Predictors of single voxels of a head CT for a random forest: moments, ranks, z-scores, distances, symmetry.

They follow Muschelli et al. 2017 (doi 10.1016/j.nicl.2017.02.007). The head is brought to a standard size by the box of
its brain, not by a non-linear registration, and left and right are compared about the middle of that box.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import rankdata

from ctbench.volume import Volume
from reference_models.scans.brain import BrainFinder, brain_mask
from reference_models.scans.interpolation import read_between
from reference_models.scans.orientation import Orientation

__all__ = ["CANDIDATE_HU", "FEATURES", "NORMAL_GRID", "BrainBox", "NormalBrain"]

CANDIDATE_HU = (30.0, 100.0)
"""A voxel with other HU is never hemorrhage."""

NORMAL_GRID = (20, 28, 24)
"""z,y,x size of the grid on which mean and SD of normal brains are kept."""

_BLOOD_HU = (40.0, 80.0)
_WINSORIZED = (20.0, 80.0)
_SMOOTHING_MM = (5.0, 10.0, 20.0)
_SMALLEST_SD_HU = 1.0

FEATURES = (
    "hu",
    "local_mean",
    "local_sd",
    "local_skew",
    "local_kurtosis",
    "in_window",
    "share_in_window",
    "z_axial",
    "z_coronal",
    "z_sagittal",
    "z_winsorized",
    "rank_axial",
    "share_outside",
    "distance_to_centre",
    "distance_to_edge",
    *(f"smooth_{mm:g}_mm" for mm in _SMOOTHING_MM),
    "difference_to_other_side",
    "z_normal",
)
"""Names of the predictors, in the order of the columns."""

Map = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class NormalBrain:
    """Mean and SD of the local mean HU at each place of brains without hemorrhage.

    Args:
        mean: z,y,x of ``NORMAL_GRID``, in HU.
        sd: The same shape, in HU.
    """

    mean: Map
    sd: Map

    @classmethod
    def of(cls, brains: Iterator[tuple[BrainBox, NDArray[np.bool_]]]) -> NormalBrain:
        """Return mean and SD over brains, each with a mask of its hemorrhage, z,y,x of its box, which is left out."""
        sums = np.zeros((3, *NORMAL_GRID))
        for brain, blood in brains:
            normal = (brain.mask & ~ndimage.binary_dilation(blood)).astype(np.float32)
            local = brain.local_mean()
            values = np.stack([normal, normal * local, normal * local**2])
            sums += read_between(
                values, [np.linspace(0, size - 1, cells) for size, cells in zip(local.shape, NORMAL_GRID, strict=True)]
            )
        count, first, second = sums
        some = np.maximum(count, 1e-6)
        mean = np.where(count > 0.5, first / some, 0.0)
        sd = np.sqrt(np.maximum(np.where(count > 0.5, second / some - mean**2, 1e6), _SMALLEST_SD_HU**2))
        return cls(mean.astype(np.float32), sd.astype(np.float32))


@dataclass(frozen=True, eq=False)
class BrainBox:
    """HU and mask of a brain in the smallest box around it, in the patient's order: z up, y to the back, x to the left.

    Args:
        orientation: Orientation of the image.
        shape: z,y,x shape of the image in the patient's order.
        box: Where the brain lies in it.
        hu: HU inside the brain, 0 outside; z,y,x of the box.
        mask: The brain.
        spacing_mm: Spacing in the patient's order.
    """

    orientation: Orientation
    shape: tuple[int, ...]
    box: tuple[slice, ...]
    hu: Map
    mask: NDArray[np.bool_]
    spacing_mm: tuple[float, float, float]

    @classmethod
    def of(cls, image: Volume, find: BrainFinder = brain_mask) -> BrainBox | None:
        """Return the box of a CT in HU, or None where there is no brain in the field."""
        orientation = Orientation.of(image)
        mask = orientation.apply(find(image))
        if not mask.any():
            return None
        box = ndimage.find_objects(mask.astype(np.uint8))[0]
        inside = mask[box]
        hu = np.where(inside, orientation.apply(image.array)[box], 0).astype(np.float32)
        return cls(orientation, mask.shape, box, hu, inside, orientation.spacing_mm(image))

    def cut(self, array: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a mask of the image within the box."""
        return self.orientation.apply(array)[self.box]

    def restore(self, found: Map) -> Map:
        """Return a map of the box on the image's grid; 0 outside."""
        whole = np.zeros(self.shape, np.float32)
        whole[self.box] = found
        return self.orientation.undo(whole)

    def candidates(self) -> NDArray[np.bool_]:
        """Return the voxels of the brain with 30 to 100 HU."""
        return self.mask & (self.hu >= CANDIDATE_HU[0]) & (self.hu <= CANDIDATE_HU[1])

    def local_mean(self) -> Map:
        """Return the mean HU of 3 x 3 x 3 voxels."""
        return _local(self.hu)

    def features(self, where: NDArray[np.bool_], normal: NormalBrain) -> Map:
        """Return voxels x ``FEATURES`` of some voxels of the box, in C order.

        Args:
            where: The voxels, z,y,x bool.
            normal: Normal brains to compare with.
        """
        return np.stack([one[where] for one in self._maps(normal)], axis=1).astype(np.float32)

    def _maps(self, normal: NormalBrain) -> Iterator[NDArray[Any]]:
        """Yield one map for each name in ``FEATURES``."""
        yield self.hu
        local = self.local_mean()
        yield local
        yield from _shape_of(self.hu, local)
        window = self.mask & (self.hu >= _BLOOD_HU[0]) & (self.hu <= _BLOOD_HU[1])
        yield window
        yield _local(window.astype(np.float32))
        for axis in range(3):
            yield self._standardized(axis)
        low, high = np.percentile(self.hu[self.mask], _WINSORIZED)
        held = np.clip(self.hu[self.mask], low, high)
        yield (self.hu - held.mean()) / max(float(held.std()), _SMALLEST_SD_HU)
        yield self._ranks()
        yield 1 - _local(self.mask.astype(np.float32))
        yield self._distance_to_centre()
        yield ndimage.distance_transform_edt(self.mask, sampling=self.spacing_mm)
        smoothed = [self._smooth(mm) for mm in _SMOOTHING_MM]
        yield from smoothed
        yield smoothed[0] - smoothed[0][:, :, ::-1]
        places = [np.linspace(0, cells - 1, size) for size, cells in zip(self.hu.shape, NORMAL_GRID, strict=True)]
        yield (local - read_between(normal.mean, places)) / read_between(normal.sd, places)

    def _standardized(self, axis: int) -> Map:
        """Return the z-score of each voxel among those of its plane across an axis."""
        others = tuple(other for other in range(3) if other != axis)
        count = np.maximum(self.mask.sum(axis=others, keepdims=True), 1)
        mean = self.hu.sum(axis=others, keepdims=True) / count
        square = (self.hu.astype(np.float64) ** 2).sum(axis=others, keepdims=True) / count
        sd = np.sqrt(np.maximum(square - mean**2, _SMALLEST_SD_HU**2))
        scores: Map = ((self.hu - mean) / sd).astype(np.float32)
        return scores

    def _ranks(self) -> Map:
        """Return the rank of each voxel among those of its slice, from 0 to 1."""
        ranks = np.zeros(self.hu.shape, np.float32)
        for plane, hu, mask in zip(ranks, self.hu, self.mask, strict=True):
            if mask.any():
                plane[mask] = rankdata(hu[mask]) / np.count_nonzero(mask)
        return ranks

    def _distance_to_centre(self) -> NDArray[np.float64]:
        """Return the distance of each voxel from the centroid of the brain, in mm."""
        lines = []
        for axis in range(3):
            profile = self.mask.sum(axis=tuple(other for other in range(3) if other != axis))
            place = np.arange(len(profile))
            lines.append((place - (place * profile).sum() / profile.sum()) * self.spacing_mm[axis])
        z, y, x = np.ix_(*lines)
        distance: NDArray[np.float64] = np.sqrt(z**2 + y**2 + x**2)
        return distance

    def _smooth(self, mm: float) -> Map:
        """Return HU smoothed by a Gaussian with an SD in mm, of the voxels of the brain alone."""
        sigma = [mm / size for size in self.spacing_mm]
        weight = ndimage.gaussian_filter(self.mask.astype(np.float32), sigma, truncate=2.0)
        smooth = ndimage.gaussian_filter(self.hu, sigma, truncate=2.0) / np.maximum(weight, 1e-3)
        return smooth.astype(np.float32)


def _local(values: Map) -> Map:
    """Return the mean of 3 x 3 x 3 voxels; outside the box all is 0."""
    mean: Map = ndimage.uniform_filter(values, 3, mode="constant")
    return mean


def _shape_of(hu: Map, mean: Map) -> Iterator[Map]:
    """Yield SD, skew and kurtosis of 3 x 3 x 3 voxels, the last two 0 where the SD is below 1 HU."""
    second, third, fourth = (_local(hu**power) for power in (2, 3, 4))
    variance = np.maximum(second - mean**2, 0)
    sd = np.sqrt(variance)
    yield sd
    divisor = np.where(sd >= 1, sd, np.inf)
    yield (third - 3 * mean * second + 2 * mean**3) / divisor**3
    yield (fourth - 4 * mean * third + 6 * mean**2 * second - 3 * mean**4) / divisor**4
