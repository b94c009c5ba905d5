"""The 2D U-Net of Cai et al. 2020 (doi 10.1148/ryai.2020190183), in the eight configurations of its Table 1."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from reference_models.layers import (
    KERAS_EPSILON,
    KERAS_MOMENTUM,
    RENORM_OPENS,
    BatchRenorm,
    ChannelLayerNorm,
    he_normal_,
)

__all__ = ["CONFIGURATIONS", "CaiUNet", "Configuration", "Normalization"]

Normalization = Literal["none", "layer", "batch", "batch_renorm"]

DEPTH = 4
"""Downsampling steps; the sides of a slice must be multiples of 2 to this power."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One row of the paper's Table 1.

    Args:
        normalization: Layer between every 3 x 3 convolution and its activation.
        loss: Training loss.
        class_weights: Weighting of the classes in the cross-entropy.
        batch_size: Slices a step.
    """

    normalization: Normalization
    loss: Literal["cross_entropy", "dice"]
    class_weights: Literal["balanced", "attenuated", "none"]
    batch_size: int = 3


CONFIGURATIONS = {
    1: Configuration("none", "cross_entropy", "balanced"),
    2: Configuration("layer", "cross_entropy", "balanced"),
    3: Configuration("layer", "cross_entropy", "attenuated"),
    4: Configuration("layer", "cross_entropy", "none"),
    5: Configuration("layer", "dice", "none"),
    6: Configuration("batch", "cross_entropy", "attenuated"),
    7: Configuration("batch", "cross_entropy", "attenuated", batch_size=12),
    8: Configuration("batch_renorm", "cross_entropy", "attenuated"),
}
"""The paper's Table 1; 3 is the one that the authors chose."""


class CaiUNet(nn.Module):
    """U-Net with four 2 x 2 max-poolings, and nearest upsampling with a 2 x 2 convolution on the way up.

    Its input is in HU, not scaled. With twelve classes it has 31,043,084 parameters; the paper prints 31,042,499, which
    is the count of three classes: an early version of the authors' program had three.

    Args:
        classes: Number of classes: background and structures.
        width: Channels of the first stage; every deeper stage has twice as many.
        normalization: Layer between every 3 x 3 convolution and its activation.
        renorm_opens: Training steps after which the bounds of a batch renormalisation open.
    """

    def __init__(
        self,
        classes: int = 12,
        width: int = 64,
        normalization: Normalization = "layer",
        renorm_opens: int = RENORM_OPENS,
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(DEPTH + 1)]
        self.encoder = nn.ModuleList(
            _stage(before, after, normalization) for before, after in zip([1, *widths], widths, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        upwards = widths[::-1]
        self.up = nn.ModuleList(_up_convolution(below, here) for below, here in pairwise(upwards))
        self.decoder = nn.ModuleList(_stage(2 * here, here, normalization) for here in upwards[1:])
        self.head = nn.Conv2d(width, classes, 1)
        for layer in self.modules():
            if isinstance(layer, BatchRenorm):
                layer.opens = renorm_opens
        he_normal_(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of every class, batch,class,y,x, of HU batch,1,y,x; y and x are multiples of 16."""
        skips: list[Tensor] = []
        for level, stage in enumerate(self.encoder):
            x = stage(x if level == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        for up, stage in zip(self.up, self.decoder, strict=True):
            x = stage(torch.cat([skips.pop(), up(x)], dim=1))
        logits: Tensor = self.head(x)
        return logits


def _stage(before: int, after: int, normalization: Normalization) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (before, after):
        layers += [nn.Conv2d(channels, after, 3, padding=1), *_normalizing(after, normalization), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _normalizing(channels: int, normalization: Normalization) -> list[nn.Module]:
    if normalization == "layer":
        return [ChannelLayerNorm(channels)]
    if normalization == "batch":
        return [nn.BatchNorm2d(channels, KERAS_EPSILON, KERAS_MOMENTUM)]
    if normalization == "batch_renorm":
        return [BatchRenorm(channels)]
    if normalization == "none":
        return []
    msg = f"unknown normalization {normalization!r}; expected none, layer, batch or batch_renorm"
    raise ValueError(msg)


def _up_convolution(below: int, here: int) -> nn.Sequential:
    # TensorFlow pads an even kernel on the right and at the bottom only; weights trained there need the same.
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"), nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(below, here, 2)
    )
