"""Training examples (prepared images with their targets), batches of them, classes of voxels and their counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Batch", "Example", "classes_of", "count_classes", "stack"]


@dataclass(frozen=True, eq=False)
class Example:
    """One case, or a piece of one, in the space of the network.

    Args:
        image: float32, input of the network.
        target: class numbers of the same shape; 0 is background.
        counted: bool of the same shape: the voxels that count in the loss.
    """

    image: NDArray[np.float32]
    target: NDArray[np.uint8]
    counted: NDArray[np.bool_]

    def __getitem__(self, where: int | tuple[slice, ...]) -> Example:
        """Return a slice or a block of the example."""
        return Example(self.image[where], self.target[where], self.counted[where])


class Batch(NamedTuple):
    """Examples of one shape: image batch,1,...; target and counted batch,..."""

    image: Tensor
    target: Tensor
    counted: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the batch on another device."""
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in self))


def stack(examples: list[Example]) -> Batch:
    """Return a batch of examples of one shape."""
    return Batch(
        torch.from_numpy(np.stack([example.image for example in examples])[:, None]),
        torch.from_numpy(np.stack([example.target for example in examples]).astype(np.int64)),
        torch.from_numpy(np.stack([example.counted for example in examples])),
    )


def classes_of(labels: NDArray[np.integer[Any]], codes: Sequence[int]) -> NDArray[np.uint8]:
    """Return the class of each voxel: from 1 in the order of the codes, 0 (background) where it has none of them.

    Args:
        labels: Label map, z,y,x.
        codes: Label codes of the structures.
    """
    classes = np.zeros(max(256, *codes) + 1, np.uint8)
    classes[list(codes)] = np.arange(1, len(codes) + 1)
    found: NDArray[np.uint8] = classes[labels]
    return found


def count_classes(examples: list[Example], classes: int) -> NDArray[np.int64]:
    """Return the number of counted voxels of every class."""
    counts = np.zeros(classes, np.int64)
    for example in examples:
        counts += np.bincount(example.target[example.counted], minlength=classes)
    return counts
