"""Dense inference of DeepNAT's networks, in tiles, averaging the votes of neighbouring patches."""

from __future__ import annotations

import itertools
import logging

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from reference_models.deepnat.network import SUPPORT, PatchNetwork, task_offsets
from reference_models.inference.devices import free_memory, is_out_of_memory, predicting

__all__ = ["likelihoods", "tile_side"]

_SMALLEST, _LARGEST = 8, 32
"""Larger tiles repeat less of the convolutions at their borders, but hold more voxels outside the brain."""
_STEP = 4
_SHARE = 0.3
"""Share of the free memory that is used; the kernels need workspace too."""

_log = logging.getLogger("reference_models")

Mask = NDArray[np.bool_]
Box = tuple[slice, slice, slice]


def likelihoods(
    network: PatchNetwork, channels: Tensor, wanted: Mask, device: torch.device, precision: str | None = None
) -> NDArray[np.float32]:
    """Return the likelihood of every class: the mean over the patches that vote on a voxel (the paper's Eq. 3).

    Patches whose centre is not wanted have no vote, so a voxel at the border has fewer.

    Args:
        network: Network in evaluation mode, on the device.
        channels: channel,z,y,x on the CPU: what the network sees, with 12 voxels before and 11 after the wanted ones.
        wanted: z,y,x mask of the voxels to evaluate.
        device: Device of the network; only tiles are moved to it.
        precision: As for ``autocast``.

    Returns:
        class,z,y,x; 0 outside ``wanted``.
    """
    side = tile_side(network, free_memory(device))
    while True:
        try:
            votes = _votes(network, channels, wanted, side, device, precision)
            break
        except RuntimeError as error:
            if not is_out_of_memory(error) or side // 2 < _SMALLEST:
                raise
            side //= 2
            _log.warning("not enough memory on %s; going on with tiles of %d voxels", device, side)
            if device.type == "cuda":
                torch.cuda.empty_cache()
    voters = np.sum([_shifted(wanted, offset) for offset in task_offsets(network.tasks)], axis=0)
    votes[:, ~wanted] = 0
    votes[:, wanted] /= voters[wanted]
    return votes


def tile_side(network: PatchNetwork, free: int) -> int:
    """Return the side, in voxels, of the largest tile that fits into a share of the free memory.

    Args:
        network: Network whose layer sizes determine the memory.
        free: Free memory in bytes.
    """
    narrow, wide = network.conv1.out_channels, network.conv2.out_channels
    hidden = network.inner1.out_channels + network.inner2.in_features + network.heads.out_features
    side = _LARGEST
    while side > _SMALLEST:
        # A layer's input and output are there at once: conv1 before and after pooling is most of it in small tiles.
        floats = 2 * narrow * (side + SUPPORT - 7) ** 3 + wide * (side + 8) ** 3 + hidden * side**3
        if 4 * floats <= _SHARE * free:
            break
        side -= _STEP
    return side


def _votes(
    network: PatchNetwork, channels: Tensor, wanted: Mask, side: int, device: torch.device, precision: str | None
) -> NDArray[np.float32]:
    offsets = task_offsets(network.tasks)
    total = torch.zeros((network.classes, *(size + 2 for size in wanted.shape)))
    for box in _tiles(wanted, side):
        around = tuple(slice(part.start, part.stop + SUPPORT - 1) for part in box)
        with predicting(device, precision):
            logits = network(channels[(slice(None), *around)][None].to(device))[0]
        votes = torch.softmax(logits.float(), dim=0).cpu() * torch.from_numpy(wanted[box])
        for task, offset in enumerate(offsets):
            there = tuple(
                slice(part.start + 1 + step, part.stop + 1 + step) for part, step in zip(box, offset, strict=True)
            )
            total[(slice(None), *there)] += votes[:, task]
    return total[:, 1:-1, 1:-1, 1:-1].contiguous().numpy()


def _tiles(wanted: Mask, side: int) -> list[Box]:
    """Return tight boxes that cover all wanted voxels, none longer than ``side``."""
    boxes = []
    for corner in itertools.product(*(range(0, size, side) for size in wanted.shape)):
        tile = wanted[tuple(slice(low, low + side) for low in corner)]
        if tile.any():
            (tight,) = ndimage.find_objects(tile.astype(np.uint8))
            boxes.append(
                tuple(slice(low + part.start, low + part.stop) for low, part in zip(corner, tight, strict=True))
            )
    return boxes  # type: ignore[return-value]  # three axes each


def _shifted(mask: Mask, offset: tuple[int, int, int]) -> NDArray[np.float32]:
    """Move a mask by an offset of at most one voxel an axis."""
    padded = np.pad(mask, 1).astype(np.float32)
    z, y, x = (slice(1 - step, size + 1 - step) for step, size in zip(offset, mask.shape, strict=True))
    return padded[z, y, x]
