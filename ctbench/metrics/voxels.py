"""Loops over voxels: where the structures of a label map are, their masks, and how many voxels they have.

Masks are uint8 arrays of bit planes: bit k of a voxel is set where the k-th of several references holds the structure.
They have a margin of one voxel around, so that every voxel has all its neighbours, and rows of a multiple of eight
voxels; their *spans* are the start and stop of the voxels with any bit in each row, so that the rest need not be
visited.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.compiled import compiled

__all__ = [
    "bounding_boxes",
    "classes_at",
    "count_pairs",
    "count_voxels",
    "extend_boxes",
    "fill_mask",
    "indices_of",
    "mark_differences",
    "plane_boxes",
    "planes_of_classes",
    "put_planes",
]

_ONES = np.uint64(0x0101010101010101)
_TOP_BYTE = np.uint64(56)


@compiled
def bounding_boxes(label_map: NDArray[Any], classes: NDArray[np.int32], boxes: NDArray[np.int64]) -> None:
    """Extend the box of every class to all its voxels.

    Args:
        label_map: z,y,x integers.
        classes: code -> class; 0 for codes that do not matter, as are those beyond its end.
        boxes: class x (z start, z stop, y start, y stop, x start, x stop).
    """
    depth, height, width = label_map.shape
    changes = np.zeros((width + 7) // 8 * 8, np.uint8)
    words = changes.view(np.uint64)
    for z in range(depth):
        for y in range(height):
            row = label_map[z, y]
            # Loops without branches look at many voxels at a time: most rows are background, most voxels like the last.
            occupied = row[0]
            for x in range(width):
                occupied |= row[x]
            if occupied == 0:
                continue
            changes[0] = row[0] != 0
            for x in range(1, width):
                changes[x] = row[x] != row[x - 1]
            box = boxes[0]
            for word in range(words.size):
                if words[word] == 0:
                    continue
                for x in range(word * 8, word * 8 + 8):
                    if changes[x] == 0:
                        continue
                    box[5] = max(box[5], x)
                    code = np.int64(row[x])
                    box = boxes[classes[code] if 0 <= code < classes.size else 0]
                    box[0] = min(box[0], z)
                    box[1] = max(box[1], z + 1)
                    box[2] = min(box[2], y)
                    box[3] = max(box[3], y + 1)
                    box[4] = min(box[4], x)
            box[5] = max(box[5], width)


@compiled
def classes_at(
    labels: NDArray[Any], at: NDArray[np.intp], table: NDArray[np.uint16], classes: NDArray[np.uint16]
) -> None:
    """Look up the classes of some voxels' labels.

    Args:
        labels: Flat label map.
        at: Flat indices of the voxels.
        table: Class of each code from 0; other codes have the class of code 0.
        classes: The classes of the voxels; overwritten.
    """
    for i in range(at.size):
        code = np.int64(labels[at[i]])
        classes[i] = table[code if 0 <= code < table.size else 0]


@compiled
def extend_boxes(at: NDArray[np.int64], classes: NDArray[np.uint16], boxes: NDArray[np.int64]) -> None:
    """Extend the boxes of classes to single voxels.

    Args:
        at: (z, y, x) x voxels.
        classes: label maps x voxels, the class of each voxel in each label map.
        boxes: class x (z start, z stop, y start, y stop, x start, x stop).
    """
    for label_map in range(len(classes)):
        for i in range(at.shape[1]):
            if label_map and classes[label_map, i] == classes[0, i]:
                continue
            box = boxes[classes[label_map, i]]
            for axis in range(3):
                box[2 * axis] = min(box[2 * axis], at[axis, i])
                box[2 * axis + 1] = max(box[2 * axis + 1], at[axis, i] + 1)


@compiled
def indices_of(flat: NDArray[np.intp], shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """Return the (z, y, x) x voxels of flat indices in a shape."""
    _, height, width = shape
    found = np.empty((3, flat.size), np.int64)
    z = y = first = np.int64(0)
    for i in range(flat.size):
        if not first <= flat[i] < first + width:  # neighbours are mostly of one row
            row = flat[i] // width
            z, y, first = row // height, row % height, row * width
        found[0, i], found[1, i], found[2, i] = z, y, flat[i] - first
    return found


@compiled
def planes_of_classes(classes: NDArray[np.uint16], wanted: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Return for each voxel the bit planes of the label maps that hold one of some classes there.

    Args:
        classes: label maps x voxels, the class of each voxel in each label map.
        wanted: The classes to look for.
    """
    held = np.zeros(classes.shape[1], np.uint8)
    for plane in range(len(classes)):
        own, bit = classes[plane], np.uint8(1 << plane)
        for one in wanted:
            for i in range(own.size):
                held[i] |= np.uint8(own[i] == one) * bit
    return held


@compiled
def fill_mask(
    label_map: NDArray[Any],
    codes: NDArray[np.int64],
    planes: int,
    start: NDArray[np.int64],
    mask: NDArray[np.uint8],
    spans: NDArray[np.int32],
) -> None:
    """Set bits of a mask where a label map holds one of some codes.

    Args:
        label_map: z,y,x.
        codes: The codes to look for.
        planes: The bits to set.
        start: z,y,x index in the label map of the first voxel of the mask, its margin included; may be negative.
        mask: z,y,x; left as it is elsewhere and outside the label map.
        spans: z,y x (start, stop) of what is set in each row; stop is 0 where nothing is.
    """
    first = np.maximum(start, 0)
    stop = np.minimum(start + np.array(mask.shape), np.array(label_map.shape))
    before = first[2] - start[2]
    bits = np.uint8(planes)
    for z in range(first[0], stop[0]):
        for y in range(first[1], stop[1]):
            row, out = label_map[z, y, first[2] : stop[2]], mask[z - start[0], y - start[1], before:]
            # Most rows of a box hold nothing: their part of the mask is not touched, and takes no memory yet.
            found = np.uint8(0)
            for code in codes:
                for x in range(row.size):
                    found |= np.uint8(row[x] == code)
            if found == 0:
                continue
            for code in codes:
                for x in range(row.size):
                    out[x] |= np.uint8(row[x] == code) * bits
            left, right = 0, row.size
            while out[left] == 0:
                left += 1
            while out[right - 1] == 0:
                right -= 1
            span = spans[z - start[0], y - start[1]]
            span[0], span[1] = before + left, before + right


@compiled
def put_planes(
    at: NDArray[np.int64],
    values: NDArray[np.uint8],
    planes: int,
    start: NDArray[np.int64],
    mask: NDArray[np.uint8],
    spans: NDArray[np.int32],
) -> None:
    """Set and clear bits of single voxels of a mask; voxels outside of it are ignored.

    Args:
        at: (z, y, x) x voxels, indices in the label map.
        values: The bits of each of these voxels, all of them among ``planes``.
        planes: The bits that are set or cleared; the others are left as they are.
        start: z,y,x index in the label map of the first voxel of the mask.
        mask: z,y,x.
        spans: Spans of the mask, extended where a bit is set.
    """
    depth, height, width = mask.shape
    kept = np.uint8(255 ^ planes)
    for i in range(values.size):
        z, y, x = at[0, i] - start[0], at[1, i] - start[1], at[2, i] - start[2]
        if z < 0 or z >= depth or y < 0 or y >= height or x < 0 or x >= width:
            continue
        mask[z, y, x] = (mask[z, y, x] & kept) | values[i]
        if values[i]:
            spans[z, y, 0] = min(spans[z, y, 0], x)
            spans[z, y, 1] = max(spans[z, y, 1], x + 1)


@compiled
def mark_differences(one: NDArray[Any], other: NDArray[Any], marks: NDArray[np.bool_]) -> None:
    """Mark the voxels in which two label maps differ in a slice.

    Args:
        one: y,x.
        other: y,x.
        marks: y,x; left as they are elsewhere.
    """
    for y in range(len(marks)):
        row, others, out = one[y], other[y], marks[y]
        for x in range(row.size):
            out[x] |= row[x] != others[x]


@compiled
def plane_boxes(mask: NDArray[np.uint8], spans: NDArray[np.int32], planes: int) -> NDArray[np.int64]:
    """Return the box of every bit plane: planes x (z start, z stop, y start, y stop, x start, x stop).

    Args:
        mask: z,y,x.
        spans: Spans of the mask.
        planes: Number of planes. The starts of a plane without a voxel are larger than its stops.
    """
    depth, height, width = mask.shape
    in_slice, in_row = np.zeros(depth, np.uint8), np.zeros(height, np.uint8)
    in_column = np.zeros(width, np.uint8)
    for z in range(depth):
        for y in range(height):
            start, stop = spans[z, y, 0], spans[z, y, 1]
            row, columns = mask[z, y, start:stop], in_column[start:stop]
            found = np.uint8(0)
            for x in range(row.size):
                found |= row[x]
                columns[x] |= row[x]
            in_slice[z] |= found
            in_row[y] |= found
    boxes = np.zeros((planes, 6), np.int64)
    for axis, held in enumerate((in_slice, in_row, in_column)):
        for plane in range(planes):
            boxes[plane, 2 * axis] = held.size
            for i in range(held.size):
                if held[i] >> plane & 1:
                    boxes[plane, 2 * axis] = min(boxes[plane, 2 * axis], i)
                    boxes[plane, 2 * axis + 1] = i + 1
    return boxes


@compiled
def count_voxels(
    reference: NDArray[np.uint8], prediction: NDArray[np.uint8], uncounted: NDArray[np.uint8], planes: int
) -> NDArray[np.int64]:
    """Count the voxels of two masks that count, by bit plane and slice.

    Args:
        reference: Mask, whose rows have a multiple of eight voxels.
        prediction: Mask.
        uncounted: Mask, or empty where every voxel counts.
        planes: Number of planes; the masks hold no others.

    Returns:
        planes x slices (with the margin's) x (in the reference, in the prediction, in both).
    """
    depth, height, width = reference.shape
    counts = np.zeros((planes, depth, 3), np.int64)
    of_reference, of_prediction = reference.view(np.uint64), prediction.view(np.uint64)
    left_out = uncounted.view(np.uint64)
    every = np.uint64((1 << planes) - 1)
    for z in range(1, depth - 1):
        # Words in which all planes are alike are counted once.
        alike_a = alike_b = alike_both = np.uint64(0)
        for y in range(1, height - 1):
            for word in range(width // 8):
                a, b = of_reference[z, y, word], of_prediction[z, y, word]
                if a | b == 0:
                    continue
                if uncounted.size:
                    a, b = a & ~left_out[z, y, word], b & ~left_out[z, y, word]
                if a == (a & _ONES) * every and b == (b & _ONES) * every:
                    alike_a += (a & _ONES) * _ONES >> _TOP_BYTE
                    alike_b += (b & _ONES) * _ONES >> _TOP_BYTE
                    alike_both += (a & b & _ONES) * _ONES >> _TOP_BYTE
                    continue
                for plane in range(planes):
                    in_a, in_b = a >> np.uint64(plane) & _ONES, b >> np.uint64(plane) & _ONES
                    counts[plane, z, 0] += np.int64(in_a * _ONES >> _TOP_BYTE)
                    counts[plane, z, 1] += np.int64(in_b * _ONES >> _TOP_BYTE)
                    counts[plane, z, 2] += np.int64((in_a & in_b) * _ONES >> _TOP_BYTE)
        for plane in range(planes):
            counts[plane, z, 0] += np.int64(alike_a)
            counts[plane, z, 1] += np.int64(alike_b)
            counts[plane, z, 2] += np.int64(alike_both)
    return counts


@compiled
def count_pairs(
    reference: NDArray[Any],
    prediction: NDArray[Any],
    excluded: NDArray[np.bool_],
    annotated: NDArray[np.bool_],
    codes: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Count how often each code of the reference meets each code of the prediction.

    Args:
        reference: z,y,x.
        prediction: z,y,x, of the same type.
        excluded: z,y,x voxels to leave out, or empty.
        annotated: z slices not to leave out.
        codes: ascending; all others are class 0.
        counts: class in the reference x class in the prediction, added to; classes are numbered from 1 as in ``codes``.
    """
    depth, height, width = reference.shape
    class_of = np.zeros(2, np.int64)
    for z in range(depth):
        if not annotated[z]:
            continue
        for y in range(height):
            of_reference, of_prediction = reference[z, y], prediction[z, y]
            x = 0
            while x < width:
                # Neighbours are mostly alike: a run of them is looked up once.
                one, other, start, left_out = of_reference[x], of_prediction[x], x, 0
                while x < width and of_reference[x] == one and of_prediction[x] == other:
                    if excluded.size and excluded[z, y, x]:
                        left_out += 1
                    x += 1
                for side, code in enumerate((one, other)):
                    at = np.searchsorted(codes, code)
                    class_of[side] = at + 1 if at < codes.size and codes[at] == code else 0
                counts[class_of[0], class_of[1]] += x - start - left_out
