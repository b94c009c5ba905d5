"""The V-Net of DeepBleed (Sharrock et al. 2020, doi 10.1007/s12021-020-09493-5), in two or three dimensions."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from reference_models.layers import he_normal_

__all__ = ["VNet"]

DEPTH = 4
"""Downsampling steps; the sides of the input must be multiples of 2 to this power."""

_CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_BATCH_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}

Blocks = Literal["shared", "separate"]
Activation = Literal["relu", "prelu"]
Normalization = Literal["none", "batch"]


class VNet(nn.Module):
    """V-Net (Milletari et al. 2016, arXiv 1606.04797) as DeepBleed was released.

    In every block one 5-wide convolution is applied once, twice or thrice with the same weights (``shared``: 22,546,101
    parameters in 3D, 4,745,333 in 2D). The paper's text reads as if each had its own (``separate``: 65,171,861 and
    13,271,893) and names PReLU; the released network has neither.

    Args:
        dimensions: 2 or 3.
        width: Channels of the first block; each deeper level has twice as many, the deepest sixteen times.
        largest: Limit of the channels of an encoder level; None: no limit. Most weights are in the deepest levels,
            most of the work is in the first: narrow networks do better with wide first levels.
        blocks: Whether the convolutions of a block share their weights.
        activation: Activation after every convolution.
        dropout: Share of activations that training drops, each for itself, in the two deepest levels.
        normalization: Layer before every activation; the released network has none, its program offers ``batch``. A
            shared convolution has a normalisation of its own for each application, since its outputs differ.
    """

    def __init__(
        self,
        dimensions: int = 3,
        width: int = 16,
        largest: int | None = None,
        blocks: Blocks = "shared",
        activation: Activation = "relu",
        dropout: float = 0.0,
        normalization: Normalization = "none",
    ) -> None:
        super().__init__()
        if (
            dimensions not in _CONVOLUTION
            or blocks not in {"shared", "separate"}
            or activation not in {"relu", "prelu"}
            or normalization not in {"none", "batch"}
        ):
            msg = (
                f"no V-Net has dimensions={dimensions!r}, blocks={blocks!r}, activation={activation!r}, "
                f"normalization={normalization!r}"
            )
            raise ValueError(msg)
        self.width = width
        convolution, transposed = _CONVOLUTION[dimensions], _TRANSPOSED[dimensions]
        widths = [min(width * 2**level, largest or width * 2**level) for level in range(DEPTH + 1)]

        def after(channels: int) -> list[nn.Module]:
            norm = [_BATCH_NORM[dimensions](channels)] if normalization == "batch" else []
            return [*norm, nn.ReLU() if activation == "relu" else nn.PReLU(channels)]

        def block(channels: int, repeats: int, *, deep: bool) -> _Block:
            dropped = [nn.Dropout(dropout)] if dropout and deep else []
            convolutions: list[nn.Module] = [
                convolution(channels, channels, 5, padding=2) for _ in range(1 if blocks == "shared" else repeats)
            ]
            # Layers without statistics of their own are shared like the convolution before them.
            rests = repeats if normalization == "batch" else len(convolutions)
            return _Block(convolutions, [nn.Sequential(*after(channels), *dropped) for _ in range(rests)], repeats)

        self.entry = nn.Sequential(convolution(1, width, 5, padding=2), *after(width))
        self.down = nn.ModuleList(
            nn.Sequential(convolution(above, here, 2, stride=2), *after(here)) for above, here in pairwise(widths)
        )
        self.down_blocks = nn.ModuleList(
            block(here, repeats, deep=level >= 2)
            for level, (here, repeats) in enumerate(zip(widths[1:], (2, 3, 3, 3), strict=True))
        )
        skips = widths[-2::-1]
        self.up = nn.ModuleList(
            nn.Sequential(transposed(below, skip, 2, stride=2), *after(skip))
            for below, skip in zip([widths[-1], *(2 * skip for skip in skips)], skips, strict=False)
        )
        self.up_blocks = nn.ModuleList(
            block(2 * skip, repeats, deep=level < 2)
            for level, (skip, repeats) in enumerate(zip(skips, (3, 3, 2, 1), strict=True))
        )
        self.exit = nn.Sequential(convolution(2 * width, 2, 1), *after(2), convolution(2, 1, 1))
        he_normal_(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logit of hemorrhage, batch,1,(z,)y,x, of HU of the same shape; sides are multiples of 16."""
        x = self.entry(x) + x
        skips = []
        for down, block in zip(self.down, self.down_blocks, strict=True):
            skips.append(x)
            x = block(down(x))
        for up, block in zip(self.up, self.up_blocks, strict=True):
            x = block(torch.cat([up(x), skips.pop()], dim=1))
        logit: Tensor = self.exit(x)
        return logit


class _Block(nn.Module):
    """Convolutions of one width with a residual connection around them."""

    def __init__(self, convolutions: list[nn.Module], rests: list[nn.Module], repeats: int) -> None:
        super().__init__()
        self.convolutions, self.rests = nn.ModuleList(convolutions), nn.ModuleList(rests)
        self.repeats = repeats

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for index in range(self.repeats):
            y = self.convolutions[index % len(self.convolutions)](y)
            y = self.rests[index % len(self.rests)](y)
        return x + y
