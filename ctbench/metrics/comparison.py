"""A prediction and several references of it on one grid, and the piece of them around one structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ctbench.metrics.crop import Crop, LabelMap, Mask
from ctbench.metrics.structures import Structure
from ctbench.metrics.voxels import (
    bounding_boxes,
    classes_at,
    extend_boxes,
    indices_of,
    mark_differences,
    plane_boxes,
    planes_of_classes,
)
from ctbench.reference import GroupReference

__all__ = ["Comparison", "PlainReference"]

_TABLE = 2**16
"""Codes below are looked up in a table of this size; those above are rare, and looked for one by one."""


@dataclass(frozen=True, eq=False)
class PlainReference:
    """A reference in the types of the compiled loops.

    Args:
        labels: z,y,x integers.
        excluded: z,y,x bool, or None where no voxel is excluded.
        annotated: z bool, or None where all slices are.
        possible: code -> flat indices of the excluded voxels that may hold it.
        groups: name -> the reference of a group of labels; other groups are the union of their labels.
    """

    labels: LabelMap
    excluded: NDArray[np.bool_] | None = None
    annotated: NDArray[np.bool_] | None = None
    possible: Mapping[int, NDArray[np.intp]] = field(default_factory=dict)
    groups: Mapping[str, GroupReference] = field(default_factory=dict)

    @cached_property
    def possible_at(self) -> dict[int, NDArray[np.int64]]:
        """Code -> (z, y, x) x voxels, the excluded voxels that may hold it."""
        depth, height, width = self.labels.shape
        return {code: indices_of(flat, (depth, height, width)) for code, flat in self.possible.items()}

    @cached_property
    def possible_boxes(self) -> dict[int, NDArray[np.int64]]:
        """Code -> the box of the excluded voxels that may hold it, as ``_box_of`` returns it."""
        return {code: _box_of(at) for code, at in self.possible_at.items() if at.size}


@dataclass(frozen=True, eq=False)
class Comparison:
    """A prediction and the references that it is scored against, all on one grid.

    The references of one case are nearly the same label map. Only where they differ are all of them looked at; else the
    first stands for all.

    Args:
        references: 1 to ``PLANES`` references.
        prediction: z,y,x integers.
        codes: all codes that matter, ascending.
    """

    references: Sequence[PlainReference]
    prediction: LabelMap
    codes: Sequence[int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along z,y,x."""
        depth, height, width = self.prediction.shape
        return depth, height, width

    def crop(self, structure: Structure) -> Crop | None:
        """Cut out one structure; None where no voxel of any reference or of the prediction holds it."""
        codes = structure.codes
        groups = {
            plane: reference.groups[structure.name]
            for plane, reference in enumerate(self.references)
            if structure.name in reference.groups
        }
        boxes = [self._boxes[code] for code in codes if code in self._boxes]
        boxes += [box for group in groups.values() for box in _box_of_group(group)]
        if not boxes:
            return None
        around = _around(boxes)
        start = around[0::2] - 1
        depth, height, width = (around[1::2] + 1 - start).tolist()
        shape = (depth, height, -8 * (-width // 8))
        reference = Mask.empty(shape).fill(self.references[0].labels, codes, self._all, start)
        prediction = Mask.empty(shape).fill(self.prediction, codes, self._all, start)
        held = self._held(codes)
        where = np.flatnonzero(held)
        reference.put(self._contested[:, where], held[where], self._all, start)
        own = np.array([[0, depth, 0, height, 0, width]])
        if len(self.references) > 1:
            own = self._plane_boxes(reference, prediction, codes, groups, start)
        for plane, group in groups.items():
            reference.put(np.array(group.at), _bits(group.drawn, plane), 1 << plane, start)
        outer = self._outer(reference, codes, groups, start)
        uncounted = self._uncounted(start, shape, groups)
        return Crop(reference, outer, prediction, uncounted, len(self.references), own)

    @property
    def _all(self) -> int:
        return (1 << len(self.references)) - 1

    def _plane_boxes(
        self,
        reference: Mask,
        prediction: Mask,
        codes: Sequence[int],
        groups: Mapping[int, GroupReference],
        start: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Return the box that the crop would have with each reference alone, from the first voxel of this one."""
        boxes = plane_boxes(*reference, len(self.references))
        predicted = plane_boxes(*prediction, 1)
        for plane, given in enumerate(self.references):
            more = [given.possible_boxes[code] for code in codes if code in given.possible_boxes]
            more += _box_of_group(groups[plane]) if plane in groups else []
            boxes[plane] = _around([boxes[plane], *predicted, *(box - np.repeat(start, 2) for box in more)])
        boxes[:, 0::2] -= 1
        boxes[:, 1::2] += 1
        return boxes

    def _outer(
        self, reference: Mask, codes: Sequence[int], groups: Mapping[int, GroupReference], start: NDArray[np.int64]
    ) -> Mask:
        """Add the voxels in which a structure is possible."""
        outer = reference
        for plane, given in enumerate(self.references):
            if plane in groups:
                parts = [np.array(groups[plane].at)[:, groups[plane].excluded]]
            else:
                parts = [given.possible_at[code] for code in codes if code in given.possible_at]
            for at in parts:
                outer = reference.copy() if outer is reference else outer
                outer.put(at, np.full(at.shape[1], 1 << plane, np.uint8), 1 << plane, start)
        return outer

    def _uncounted(
        self, start: NDArray[np.int64], shape: tuple[int, int, int], groups: Mapping[int, GroupReference]
    ) -> NDArray[np.uint8]:
        """Cut out the voxels that do not count; an empty array where all of them do."""
        if self._excluded is None and not self._unannotated.any() and not groups:
            return np.zeros((0, 0, 0), np.uint8)
        mask = np.zeros(shape, np.uint8)
        stop = np.minimum(start + shape, self.shape)
        if self._excluded is not None:
            inside = tuple(slice(max(a, 0), b) for a, b in zip(start, stop, strict=True))
            mask[tuple(slice(i.start - a, i.stop - a) for i, a in zip(inside, start, strict=True))] = self._excluded[
                inside
            ]
        for plane, group in groups.items():
            mask &= 255 ^ 1 << plane
            Mask(mask, Mask.empty(mask.shape).spans).put(
                np.array(group.at), _bits(group.excluded, plane), 1 << plane, start
            )
        slices = np.arange(max(start[0], 0), stop[0])
        slices = slices[self._unannotated[slices] > 0]
        mask[slices - start[0]] |= self._unannotated[slices][:, None, None]
        return mask

    @cached_property
    def _marks(self) -> NDArray[np.bool_] | None:
        """Mark the voxels in which any two references differ; None where there is nothing to compare."""
        first, *others = self.references
        pairs: list[tuple[NDArray[np.generic], NDArray[np.generic]]] = []
        alone = []
        for other in others:
            for mine, its in ((first.labels, other.labels), (first.excluded, other.excluded)):
                if mine is not None and its is not None:
                    pairs += [(mine, its)] if mine is not its else []
                elif mine is not its:
                    alone += [mask for mask in (mine, its) if mask is not None]
        if not pairs and not alone:
            return None
        marks = np.logical_or.reduce(alone) if alone else np.zeros(self.shape, bool)
        for z, out in enumerate(marks):  # slice by slice, so that the first reference is read from memory once
            for one, another in pairs:
                mark_differences(one[z], another[z], out)
        return marks

    @cached_property
    def _flat(self) -> NDArray[np.intp]:
        return np.empty(0, np.intp) if self._marks is None else np.flatnonzero(self._marks)

    @cached_property
    def _contested(self) -> NDArray[np.int64]:
        """The voxels in which any two references differ: (z, y, x) x voxels."""
        return indices_of(self._flat, self.shape)

    @cached_property
    def _contested_classes(self) -> NDArray[np.uint16]:
        """The class of each reference's label in the contested voxels, as in ``_numbers``; 0 for all others."""
        table = self._table.astype(np.uint16)
        classes = np.zeros((len(self.references), self._flat.size), np.uint16)
        for own, reference in zip(classes, self.references, strict=True):
            labels = reference.labels.ravel()
            classes_at(labels, self._flat, table, own)
            for code in filter(_TABLE.__le__, self.codes):
                own[labels[self._flat] == code] = self._numbers[code]
        return classes

    def _held(self, codes: Sequence[int]) -> NDArray[np.uint8]:
        """Return, for each contested voxel, the planes of the references that hold one of some codes."""
        return planes_of_classes(self._contested_classes, np.array([self._numbers[code] for code in codes], np.uint16))

    @cached_property
    def _excluded(self) -> NDArray[np.uint8] | None:
        """The excluded voxels, z,y,x in bit planes; None where there is none."""
        if all(reference.excluded is None for reference in self.references):
            return None
        first = self.references[0].excluded
        planes = np.zeros(self.shape, np.uint8) if first is None else first.view(np.uint8)
        if len(self.references) == 1:
            return planes
        planes = planes * np.uint8(self._all)
        if self._flat.size:
            own = np.zeros(self._flat.size, np.uint8)
            for plane, reference in enumerate(self.references):
                if reference.excluded is not None:
                    own |= _bits(reference.excluded.ravel()[self._flat], plane)
            planes.ravel()[self._flat] = own
        return planes

    @cached_property
    def _unannotated(self) -> NDArray[np.uint8]:
        """The slices that nobody annotated, in bit planes."""
        planes = np.zeros(self.shape[0], np.uint8)
        for plane, reference in enumerate(self.references):
            if reference.annotated is not None:
                planes |= _bits(~reference.annotated, plane)
        return planes

    @cached_property
    def _numbers(self) -> dict[int, int]:
        """Code -> its class, from 1."""
        return {code: number for number, code in enumerate(self.codes, start=1)}

    @cached_property
    def _table(self) -> NDArray[np.int32]:
        """The class of each code below ``_TABLE``, up to the largest that matters."""
        classes = np.zeros(min(max(self.codes) + 1, _TABLE), np.int32)
        for code, number in self._numbers.items():
            classes[code : code + 1] = number
        return classes

    @cached_property
    def _boxes(self) -> dict[int, NDArray[np.int64]]:
        """The boxes of all codes that occur or are possible: z start, z stop, y start, y stop, x start, x stop."""
        numbers, classes = self._numbers, self._table
        boxes = np.tile(np.array([max(self.shape), 0] * 3), (len(numbers) + 1, 1))
        for label_map in (self.references[0].labels, self.prediction):
            bounding_boxes(label_map, classes, boxes)
            for code in filter(_TABLE.__le__, self.codes):
                bounding_boxes((label_map == code).view(np.uint8), np.array([0, numbers[code]], np.int32), boxes)
        extend_boxes(self._contested, self._contested_classes, boxes)
        for reference in self.references:
            for code, box in reference.possible_boxes.items():
                number = numbers.get(code, 0)
                boxes[number] = _around([boxes[number], box])
        return {code: boxes[number] for code, number in numbers.items() if boxes[number, 1]}


def _bits(marks: NDArray[np.bool_], plane: int) -> NDArray[np.uint8]:
    return marks.view(np.uint8) << np.uint8(plane)


def _box_of(at: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the box of some voxels, (z, y, x) x voxels: z start, z stop, y start, y stop, x start, x stop."""
    return np.stack([at.min(axis=1), at.max(axis=1) + 1], axis=1).ravel()


def _box_of_group(group: GroupReference) -> list[NDArray[np.int64]]:
    """Return the box of the contested voxels in which a group is, or may be; nothing if there is none."""
    held = np.array(group.at)[:, group.drawn | group.excluded]
    return [_box_of(held)] if held.size else []


def _around(boxes: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the smallest box that holds some boxes."""
    return np.stack([np.min(boxes, axis=0)[0::2], np.max(boxes, axis=0)[1::2]], axis=1).ravel()
