"""Masks of one structure in several references and in a prediction, cut out of their label maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.metrics.voxels import count_voxels, fill_mask, put_planes

__all__ = ["PLANES", "Crop", "LabelMap", "Mask"]

PLANES = 8
"""The most references that fit into one mask: a bit each."""

LabelMap = NDArray[np.integer]


class Mask(NamedTuple):
    """Which voxels of a crop belong to something: bit k of a voxel is that of the k-th reference."""

    voxels: NDArray[np.uint8]
    """z,y,x of bit planes, with a margin of one voxel or more around what the crop is about."""
    spans: NDArray[np.int32]
    """z,y x (start, stop): between which columns there is any; stop is 0 in rows without."""

    @classmethod
    def empty(cls, shape: Sequence[int]) -> Mask:
        """Return a mask without a voxel."""
        spans = np.zeros((*shape[:2], 2), np.int32)
        spans[..., 0] = shape[2]
        return cls(np.zeros(shape, np.uint8), spans)

    def copy(self) -> Mask:
        """Return a mask that can be changed without changing this one."""
        return Mask(self.voxels.copy(), self.spans.copy())

    def fill(self, label_map: LabelMap, codes: Sequence[int], planes: int, start: NDArray[np.int64]) -> Mask:
        """Set bits where a label map, of which this begins at index ``start``, holds one of some codes."""
        # Codes of the label map's own type are compared many at a time; one that does not fit cannot occur.
        fitting = [code for code in codes if code <= np.iinfo(label_map.dtype).max]
        fill_mask(label_map, np.array(fitting, label_map.dtype), planes, start, self.voxels, self.spans)
        return self

    def put(self, at: NDArray[np.int64], values: NDArray[np.uint8], planes: int, start: NDArray[np.int64]) -> Mask:
        """Set and clear the bits ``planes`` of single voxels, whose (z, y, x) are indices in the label map."""
        put_planes(at, values, planes, start, self.voxels, self.spans)
        return self


@dataclass(frozen=True, eq=False)
class Crop:
    """One structure in several references and in a prediction: masks of the same shape around all its voxels.

    Args:
        reference: Mask of the references, a bit plane each.
        outer: The same, with the excluded voxels in which the structure is possible.
        prediction: Mask of the prediction, the same in every plane.
        uncounted: The voxels that are not counted, in bit planes with the same margin; an empty array if all of them
            are.
        planes: Number of references.
        boxes: For each reference, the box of the voxels that it and the prediction hold, with a margin of one: z start,
            z stop, y start, y stop, x start, x stop.
    """

    reference: Mask
    outer: Mask
    prediction: Mask
    uncounted: NDArray[np.uint8]
    planes: int
    boxes: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along z,y,x, the margin included."""
        depth, height, width = self.reference.voxels.shape
        return depth, height, width

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Numbers of counted voxels: planes x slices x (in the reference, in the prediction, in both)."""
        return count_voxels(self.reference.voxels, self.prediction.voxels, self.uncounted, self.planes)

    @cached_property
    def windows(self) -> list[tuple[slice, slice, slice]]:
        """For each reference, the part of the crop around the voxels that it and the prediction hold."""
        return [(slice(*box[:2]), slice(*box[2:4]), slice(*box[4:])) for box in self.boxes.tolist()]
