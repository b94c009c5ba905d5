"""A reference and a prediction on one grid, and the piece of them around one structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.metrics.structures import Structure
from ctbench.metrics.voxels import bounding_boxes, count_voxels, fill_mask
from ctbench.reference import GroupReference

__all__ = ["Crop", "LabelMap", "Mask", "Pair"]

_TABLE = 2**16
"""Codes below are looked up in a table of this size; those above are rare, and looked for one by one."""

LabelMap = NDArray[np.integer]


class Mask(NamedTuple):
    """Which voxels of a crop belong to something."""

    voxels: NDArray[np.uint8]
    """z,y,x of 0 and 1, with a margin of one voxel around what the crop is about."""
    spans: NDArray[np.int32]
    """z,y x (start, stop): between which columns there is any; stop is 0 in rows without."""

    def fill(self, label_map: LabelMap, codes: Sequence[int], start: NDArray[np.int64]) -> Mask:
        """Add the voxels in which a label map, of which this begins at index ``start``, holds one of some codes."""
        # Codes of the label map's own type are compared many at a time; one that does not fit cannot occur.
        fitting = [code for code in codes if code <= np.iinfo(label_map.dtype).max]
        fill_mask(label_map, np.array(fitting, label_map.dtype), start, self.voxels, self.spans)
        return self

    def put(self, at: Sequence[NDArray[np.integer]], values: NDArray[np.bool_], start: NDArray[np.int64]) -> Mask:
        """Set single voxels by their indices in the label map; indices outside of the crop are ignored."""
        z, y, x = (axis - first for axis, first in zip(at, start, strict=True))
        depth, height, width = self.voxels.shape
        inside = (z >= 0) & (z < depth) & (y >= 0) & (y < height) & (x >= 0) & (x < width)
        z, y, x, values = z[inside], y[inside], x[inside], values[inside]
        self.voxels[z, y, x] = values
        z, y, x = z[values], y[values], x[values]
        np.minimum.at(self.spans[..., 0], (z, y), x)
        np.maximum.at(self.spans[..., 1], (z, y), x + 1)
        return self


@dataclass(frozen=True, eq=False)
class Crop:
    """One structure in a reference and a prediction: masks of the same shape around all its voxels.

    Args:
        reference: Mask of the reference.
        outer: The same, with the excluded voxels in which the structure is possible.
        prediction: Mask of the prediction.
        uncounted: The voxels that are not counted, with the same margin; an empty array if all of them are.
    """

    reference: Mask
    outer: Mask
    prediction: Mask
    uncounted: NDArray[np.uint8]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Numbers of counted voxels: slices x (in the reference, in the prediction, in both)."""
        return count_voxels(self.reference.voxels, self.prediction.voxels, self.uncounted)

    @cached_property
    def workspace(self) -> NDArray[np.int16]:
        """An array of the masks' shape, of any content, for anybody to write to."""
        return np.empty(self.reference.voxels.shape, np.int16)


@dataclass(frozen=True, eq=False)
class Pair:
    """A reference and a prediction on one grid.

    Args:
        reference: z,y,x integers.
        prediction: z,y,x integers.
        codes: all codes that matter, ascending.
        excluded: z,y,x bool, or None where no voxel is excluded.
        annotated: z bool, or None where all slices are.
        possible: code -> flat indices of the excluded voxels that may hold it.
        groups: name -> the reference of a group of labels; other groups are the union of their labels.
    """

    reference: LabelMap
    prediction: LabelMap
    codes: Sequence[int]
    excluded: NDArray[np.bool_] | None = None
    annotated: NDArray[np.bool_] | None = None
    possible: Mapping[int, NDArray[np.intp]] = field(default_factory=dict)
    groups: Mapping[str, GroupReference] = field(default_factory=dict)

    def crop(self, structure: Structure) -> Crop | None:
        """Cut out one structure; None where no voxel holds it."""
        codes, group = structure.codes, self.groups.get(structure.name)
        boxes = [self._boxes[code] for code in codes if code in self._boxes]
        if group is not None:
            boxes += _box_of(group)
        if not boxes:
            return None
        start = np.min(boxes, axis=0)[0::2] - 1
        shape = np.max(boxes, axis=0)[1::2] + 1 - start
        reference = _empty(shape).fill(self.reference, codes, start)
        prediction = _empty(shape).fill(self.prediction, codes, start)
        if group is not None:
            reference.put(group.at, group.drawn, start)
            outer = _copy(reference).put(group.at, group.drawn | group.excluded, start)
            uncounted = self._unannotated(_empty(shape).put(group.at, group.excluded, start).voxels, start)
            return Crop(reference, outer, prediction, uncounted)
        outer = reference
        for code in codes:
            if code in self.possible:
                outer = _copy(reference) if outer is reference else outer
                at = np.unravel_index(self.possible[code], self.reference.shape)
                outer.put(at, np.ones(len(at[0]), bool), start)
        return Crop(reference, outer, prediction, self._uncounted(start, shape))

    def _uncounted(self, start: NDArray[np.int64], shape: NDArray[np.int64]) -> NDArray[np.uint8]:
        if self.excluded is None and self.annotated is None:
            return np.zeros((0, 0, 0), np.uint8)
        mask = _empty(shape)
        if self.excluded is not None:
            mask.fill(self.excluded.view(np.uint8), [1], start)
        return self._unannotated(mask.voxels, start)

    def _unannotated(self, uncounted: NDArray[np.uint8], start: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Add the slices that nobody annotated."""
        if self.annotated is not None:
            slices = np.flatnonzero(~self.annotated) - start[0]
            uncounted[slices[(slices >= 0) & (slices < len(uncounted))]] = 1
        return uncounted

    @cached_property
    def _boxes(self) -> dict[int, NDArray[np.int64]]:
        """The boxes of all codes that occur or are possible: z start, z stop, y start, y stop, x start, x stop."""
        numbers = {code: number for number, code in enumerate(self.codes, start=1)}
        classes = np.zeros(min(max(self.codes) + 1, _TABLE), np.int32)
        for code, number in numbers.items():
            classes[code : code + 1] = number
        boxes = np.tile(np.array([max(self.reference.shape), 0] * 3), (len(numbers) + 1, 1))
        for label_map in (self.reference, self.prediction):
            bounding_boxes(label_map, classes, boxes)
            for code in filter(_TABLE.__le__, self.codes):
                bounding_boxes((label_map == code).view(np.uint8), np.array([0, numbers[code]], np.int32), boxes)
        for code, flat in self.possible.items():
            if code in numbers and flat.size:
                own, at = boxes[numbers[code]], np.unravel_index(flat, self.reference.shape)
                own[0::2] = np.minimum(own[0::2], [axis.min() for axis in at])
                own[1::2] = np.maximum(own[1::2], [axis.max() + 1 for axis in at])
        return {code: boxes[number] for code, number in numbers.items() if boxes[number, 1]}


def _box_of(group: GroupReference) -> list[NDArray[np.int64]]:
    """Return the box of the contested voxels in which a group is, or may be."""
    held = group.drawn | group.excluded
    if not held.any():
        return []
    return [np.array([end for axis in group.at for end in (axis[held].min(), axis[held].max() + 1)])]


def _empty(shape: NDArray[np.int64]) -> Mask:
    spans = np.zeros((*shape[:2], 2), np.int32)
    spans[..., 0] = shape[2]
    return Mask(np.zeros(shape, np.uint8), spans)


def _copy(mask: Mask) -> Mask:
    return Mask(mask.voxels.copy(), mask.spans.copy())
