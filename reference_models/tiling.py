"""A network over a cube in overlapping tiles, averaged."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from reference_models.devices import autocast, is_out_of_memory

__all__ = ["OVERLAP", "apply_in_tiles"]

OVERLAP = 0.5
"""Share of a tile that its neighbour covers too; the paper says only that tiles overlap."""

_SMALLEST = 16

_log = logging.getLogger("reference_models")


def apply_in_tiles(
    function: Callable[[Tensor], Tensor], cube: Tensor, edge: int, batch_size: int, device: torch.device
) -> Tensor:
    """Apply ``function`` to tiles that overlap by half, and average what they give.

    Where memory does not suffice, first the batch and then the tiles become smaller, and the log says so. Only smaller
    tiles change the answer.

    Args:
        function: batch,1,z,y,x to the same shape.
        cube: z,y,x, on the CPU.
        edge: side of a tile.
        batch_size: tiles at a time.
        device: where ``function`` works; only tiles go there.

    Returns:
        z,y,x float32 on the CPU.
    """
    while True:
        try:
            return _tiled(function, cube, edge, batch_size, device)
        except RuntimeError as error:
            if not is_out_of_memory(error) or (batch_size == 1 and edge // 2 < _SMALLEST):
                raise
            if batch_size > 1:
                batch_size //= 2
                _log.warning("not enough memory on %s; going on with %d tiles at a time", device, batch_size)
            else:
                edge //= 2
                _log.warning("not enough memory on %s; going on with tiles of %d voxels", device, edge)
            if device.type == "cuda":
                torch.cuda.empty_cache()


def _tiled(
    function: Callable[[Tensor], Tensor], cube: Tensor, edge: int, batch_size: int, device: torch.device
) -> Tensor:
    if edge >= max(cube.shape):
        with torch.inference_mode(), autocast(device):
            return function(cube[None, None].to(device))[0, 0].float().cpu()
    from monai.inferers.utils import sliding_window_inference  # 4 s, which a whole cube does not need

    with torch.inference_mode(), autocast(device):
        found = sliding_window_inference(
            cube[None, None],
            edge,
            batch_size,
            lambda tiles: function(tiles).float(),
            overlap=OVERLAP,
            mode="constant",
            sw_device=device,
            device=torch.device("cpu"),
        )
    assert isinstance(found, Tensor)
    return found[0, 0]
