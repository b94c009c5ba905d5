"""True boxes from label maps: connected pieces in a slice, merged over small gaps, are instances."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from reference_models.hybrid_mask_rcnn.network import SMALLEST_PX

__all__ = ["Instances", "find_instances"]

_NEIGHBOURS = np.ones((3, 3), bool)


class Instances(NamedTuple):
    """Instances of some slices, padded to the number of instances of the fullest slice.

    Args:
        boxes: slice,n,4 in pixels.
        valid: slice,n bool: which entries are instances, not padding.
        classes: slice,n integers: the class of each instance, from 1; 0 for padding.
        numbers: slice,row,column integers: the instance of each pixel, from 1; 0 for background.
    """

    boxes: Tensor
    valid: Tensor
    classes: Tensor
    numbers: Tensor


def find_instances(target: Tensor, gap_px: int) -> Instances:
    """Return the instances of every slice: pieces of one class with no more than a small gap between them.

    A leaf of blood between the folds of the brain falls into many pieces of a pixel or two, none of which could be
    found alone. Sides shorter than ``SMALLEST_PX`` are widened to it, so that the smallest bleed has a box.

    Args:
        target: slice,row,column class numbers, on the CPU; 0 is background.
        gap_px: Largest gap in pixels between pieces of one instance; an odd number counts as the next even one.

    Returns:
        Instances on the CPU; without any instance the axis n is empty.
    """
    found = [_in_slice(one, gap_px) for one in target.numpy()]
    places = max((len(boxes) for boxes, _, _ in found), default=0)
    instances = Instances(
        torch.zeros(len(found), places, 4),
        torch.zeros(len(found), places, dtype=torch.bool),
        torch.zeros(len(found), places, dtype=torch.long),
        torch.from_numpy(np.stack([numbers for _, _, numbers in found])),
    )
    for index, (boxes, classes, _) in enumerate(found):
        count = len(boxes)
        instances.boxes[index, :count] = torch.tensor(boxes).reshape(count, 4)
        instances.classes[index, :count] = torch.tensor(classes, dtype=torch.long)
        instances.valid[index, :count] = True
    return instances


def _in_slice(target: NDArray[np.integer], gap_px: int) -> tuple[list[list[float]], list[int], NDArray[np.int64]]:
    numbers = np.zeros(target.shape, np.int64)
    boxes: list[list[float]] = []
    classes: list[int] = []
    for code in np.unique(target[target > 0]):
        mask = target == code
        joined = mask if gap_px == 0 else ndimage.binary_dilation(mask, _NEIGHBOURS, iterations=(gap_px + 1) // 2)
        pieces = ndimage.label(joined, _NEIGHBOURS)[0] * mask
        for number, place in enumerate(ndimage.find_objects(pieces), start=1):
            boxes.append(_box(place, target.shape))
            classes.append(int(code))
            numbers[place][pieces[place] == number] = len(boxes)
    return boxes, classes, numbers


def _box(place: tuple[slice, ...], shape: tuple[int, ...]) -> list[float]:
    low, high = [], []
    for side, size in zip(place, shape, strict=True):
        length = max(float(side.stop - side.start), SMALLEST_PX)
        middle = (side.start + side.stop) / 2
        low.append(min(max(middle - length / 2, 0.0), size - length))
        high.append(low[-1] + length)
    return low + high
