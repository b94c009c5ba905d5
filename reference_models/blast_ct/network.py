"""DeepMedic, a 3D network of three parallel paths at three resolutions (Kamnitsas et al. 2017), as BLAST-CT uses it.

Convolutions are valid, so a label patch is smaller than its image patch: 30 voxels a side for 110. Every path sees a
centred crop of the image patch at its own resolution.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["DeepMedic"]


class DeepMedic(nn.Module):
    """DeepMedic with residual, pre-activated blocks; by default the size of the published weights.

    Args:
        classes: Number of classes, background included.
        channels: Channels after each 3x3x3 convolution of a path.
        hidden: Channels of the 1x1x1 convolutions on all paths together, before the classes.
        scales: Voxel side of each path, in voxels of the input, from the coarsest, whose sides limit the input's.
        dropout: Share of channels dropped while training, before each 1x1x1 convolution but the first.

    Raises:
        ValueError: The scales are not falling.
    """

    def __init__(
        self,
        classes: int = 5,
        channels: Sequence[int] = (30, 30, 40, 40, 40, 40, 50, 50),
        hidden: Sequence[int] = (250, 250),
        scales: Sequence[int] = (5, 3, 1),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if list(scales) != sorted(scales, reverse=True) or min(scales) < 1:
            msg = f"scales={tuple(scales)}; expected voxel sides of 1 or more, from the coarsest to the finest"
            raise ValueError(msg)
        self.scales = tuple(scales)
        self.lost = 2 * len(channels)
        """Voxels by which the convolutions of a path shorten each side."""
        self.paths = nn.ModuleList(_blocks((1, *channels), 3, [0.0] * len(channels)) for _ in scales)
        ends = (channels[-1] * len(scales), *hidden, classes)
        self.head = _blocks(ends, 1, [0.0, *[dropout] * len(hidden)])

    @property
    def margin(self) -> int:
        """Voxels that the input has more than the output, before and after it together, along each axis."""
        return self.lost * self.scales[0]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits batch,class,z,y,x of the middle of the input.

        Args:
            x: batch,1,z,y,x; each side is a multiple of the coarsest scale, and longer than ``margin``. The output's
                is shorter by ``margin``.

        Raises:
            ValueError: A side has another length.
        """
        step = self.scales[0]
        if any(side % step or side <= self.margin for side in x.shape[2:]):
            msg = f"sides {tuple(x.shape[2:])}; expected multiples of {step} above {self.margin}"
            raise ValueError(msg)
        sides = [side - self.margin for side in x.shape[2:]]
        return self.head(torch.cat([self._path(index, x, sides) for index in range(len(self.scales))], dim=1))  # type: ignore[no-any-return]  # a Sequential returns Any

    def _path(self, index: int, x: Tensor, sides: Sequence[int]) -> Tensor:
        """Return what a path finds in its crop of the input, at the resolution and size of the output."""
        scale = self.scales[index]
        seen = _centre(x, [(-(-side // scale) + self.lost) * scale for side in sides])
        coarse = self.paths[index](seen[:, :, scale // 2 :: scale, scale // 2 :: scale, scale // 2 :: scale])
        return _centre(nn.functional.interpolate(coarse, scale_factor=scale, mode="nearest"), sides)


class _Block(nn.Module):
    """Batch normalisation, dropout, PReLU, convolution; the input is added where it has as many channels."""

    def __init__(self, before: int, after: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm3d(before)
        self.dropout = nn.Dropout(dropout)
        self.activation = nn.PReLU()
        self.convolution = nn.Conv3d(before, after, kernel, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.convolution(self.activation(self.dropout(self.norm(x))))
        return made + _centre(x, made.shape[2:]) if made.shape[1] == x.shape[1] else made


def _blocks(channels: Sequence[int], kernel: int, dropout: Sequence[float]) -> nn.Sequential:
    pairs = zip(channels[:-1], channels[1:], dropout, strict=True)
    return nn.Sequential(*(_Block(before, after, kernel, share) for before, after, share in pairs))


def _centre(x: Tensor, sides: Sequence[int]) -> Tensor:
    """Return the middle of the last three axes; of unequal halves, the one before the middle voxel is rounded down."""
    for axis, want in enumerate(sides, start=2):
        x = x.narrow(axis, x.shape[axis] // 2 - want // 2, want)
    return x
