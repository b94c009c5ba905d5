"""Loops over voxels: where the structures of a label map are, their masks, and how many voxels they have.

Masks are uint8 arrays of 0 and 1 with a margin of one voxel around, so that every voxel has all its neighbours; their
*spans* are the start and stop of the set voxels in each row, so that the rest need not be visited.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.metrics.compiled import compiled

__all__ = ["bounding_boxes", "count_pairs", "count_voxels", "fill_mask"]


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
def fill_mask(
    label_map: NDArray[Any],
    codes: NDArray[np.int64],
    start: NDArray[np.int64],
    mask: NDArray[np.uint8],
    spans: NDArray[np.int32],
) -> None:
    """Add to a mask where a label map holds one of some codes.

    Args:
        label_map: z,y,x.
        codes: The codes to add.
        start: z,y,x index in the label map of the first voxel of the mask, its margin included; may be negative.
        mask: z,y,x; left as it is elsewhere and outside the label map.
        spans: z,y x (start, stop) of what is set in each row; stop is 0 where nothing is.
    """
    first = np.maximum(start, 0)
    stop = np.minimum(start + np.array(mask.shape), np.array(label_map.shape))
    before = first[2] - start[2]
    for z in range(first[0], stop[0]):
        for y in range(first[1], stop[1]):
            row, out = label_map[z, y, first[2] : stop[2]], mask[z - start[0], y - start[1], before:]
            found = np.uint8(0)
            for code in codes:
                for x in range(row.size):
                    same = np.uint8(row[x] == code)
                    out[x] |= same
                    found |= same
            if found == 0:
                continue
            left, right = 0, row.size
            while out[left] == 0:
                left += 1
            while out[right - 1] == 0:
                right -= 1
            span = spans[z - start[0], y - start[1]]
            span[0], span[1] = before + left, before + right


@compiled
def count_voxels(
    reference: NDArray[np.uint8], prediction: NDArray[np.uint8], uncounted: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Count the voxels of two masks that count, by slice.

    Args:
        reference: mask.
        prediction: mask.
        uncounted: mask, or empty where every voxel counts.

    Returns:
        slices (with the margin's) x (in the reference, in the prediction, in both).
    """
    counts = np.zeros((reference.shape[0], 3), np.int64)
    for z in range(1, reference.shape[0] - 1):
        for y in range(1, reference.shape[1] - 1):
            of_reference, of_prediction = reference[z, y], prediction[z, y]
            a = b = both = 0
            if uncounted.size:
                left_out = uncounted[z, y]
                for x in range(of_reference.size):
                    a += of_reference[x] & (left_out[x] ^ 1)
                    b += of_prediction[x] & (left_out[x] ^ 1)
                    both += of_reference[x] & of_prediction[x] & (left_out[x] ^ 1)
            else:
                for x in range(of_reference.size):
                    a += of_reference[x]
                    b += of_prediction[x]
                    both += of_reference[x] & of_prediction[x]
            counts[z, 0] += a
            counts[z, 1] += b
            counts[z, 2] += both
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
