"""Inference over a volume in overlapping tiles, whose results are averaged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import chain, combinations

import torch
from torch import Tensor

from reference_models.configuration import TileWeights
from reference_models.inference.devices import is_out_of_memory, memory_does_not_suffice, predicting

__all__ = ["OVERLAP", "apply_in_tiles", "over_mirrors"]

OVERLAP = 0.5
"""Overlap of neighbouring tiles, as a share of their side; the papers say only that tiles overlap."""

GAUSSIAN_SD = 0.125
"""SD of Gaussian tile weights, as a share of a tile's side: nnU-Net's (Isensee et al. 2021)."""

Triple = tuple[int, int, int]

_log = logging.getLogger("reference_models")


def apply_in_tiles(
    function: Callable[[Tensor], Tensor],
    volume: Tensor,
    tile: int | Triple,
    batch_size: int,
    device: torch.device,
    multiple: Triple = (16, 16, 16),
    overlap: float = OVERLAP,
    weights: TileWeights = "constant",
    precision: str | None = None,
) -> Tensor:
    """Return the weighted mean of ``function`` over overlapping tiles.

    Where memory does not suffice, first the batch and then the tiles become smaller, and a warning is logged. Only
    smaller tiles change the result.

    Args:
        function: Function from batch,1,z,y,x to batch,channels,z,y,x.
        volume: z,y,x, on the CPU; a volume that fits into one tile is not cut.
        tile: z,y,x sides of a tile, or the side of a cube.
        batch_size: Number of tiles per forward pass.
        device: Device on which ``function`` runs; only tiles are moved to it.
        multiple: Number that the sides of smaller tiles must be multiples of, along z, y and x.
        overlap: Overlap of neighbouring tiles, as a share of their side, below 1.
        weights: Weight of a voxel in the mean by its place in a tile: constant, or gaussian (lower near
            its border).
        precision: As for ``autocast``.

    Returns:
        channels,z,y,x float32 on the CPU.

    Raises:
        PredictionFailedError: Memory does not suffice for one of the smallest tiles.
    """
    sides = (tile, tile, tile) if isinstance(tile, int) else tile
    while True:
        try:
            return _tiled(function, volume, sides, batch_size, device, overlap, weights, precision)
        except RuntimeError as error:
            smaller = _smaller(sides, multiple)
            if not is_out_of_memory(error):
                raise
            if batch_size == 1 and smaller == sides:
                raise memory_does_not_suffice(device, sides) from error
            if batch_size > 1:
                batch_size //= 2
                _log.warning("not enough memory on %s; going on with %d tiles at a time", device, batch_size)
            else:
                sides = smaller
                told = " x ".join(map(str, sides))
                _log.warning("not enough memory on %s; going on with tiles of %s voxels", device, told)
            if device.type == "cuda":
                torch.cuda.empty_cache()


def over_mirrors(function: Callable[[Tensor], Tensor], axes: Sequence[int]) -> Callable[[Tensor], Tensor]:
    """Return a function with the mean of ``function`` over mirrored inputs, each result mirrored back.

    Args:
        function: Function from batch,1,z,y,x to batch,channels,z,y,x.
        axes: Axes that are mirrored, alone and together: ``function`` is applied 2 ** (number of axes) times. Without
            axes, ``function`` itself is returned.
    """
    if not axes:
        return function
    mirrors = list(chain.from_iterable(combinations(axes, count) for count in range(len(axes) + 1)))

    def mean(batch: Tensor) -> Tensor:
        total = function(batch).float()
        for mirror in mirrors[1:]:
            total += function(batch.flip(mirror)).float().flip(mirror)
        return total / len(mirrors)

    return mean


def _smaller(sides: Triple, multiple: Triple) -> Triple:
    """Return the sides, each halved where it stays a multiple."""
    z, y, x = (side if side % (2 * least) else side // 2 for side, least in zip(sides, multiple, strict=True))
    return z, y, x


def _tiled(
    function: Callable[[Tensor], Tensor],
    volume: Tensor,
    sides: Triple,
    batch_size: int,
    device: torch.device,
    overlap: float,
    weights: TileWeights,
    precision: str | None,
) -> Tensor:
    if all(side >= size for side, size in zip(sides, volume.shape, strict=True)):
        with predicting(device, precision):
            return function(volume[None, None].to(device))[0].float().cpu()
    from monai.inferers.utils import sliding_window_inference  # 4 s, which a volume of one tile does not need

    with predicting(device, precision):
        found = sliding_window_inference(
            volume[None, None],
            sides,
            batch_size,
            lambda tiles: function(tiles).float(),
            overlap=overlap,
            mode=weights,
            sigma_scale=GAUSSIAN_SD,
            sw_device=device,
            device=torch.device("cpu"),
        )
    assert isinstance(found, Tensor)
    return found[0]
