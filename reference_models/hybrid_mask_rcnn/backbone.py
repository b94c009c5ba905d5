"""The hybrid 3D/2D feature pyramid of Chang et al. 2018 (doi 10.3174/ajnr.A5742, Figure 2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["CONTEXT", "LEVELS", "SLAB", "HybridBackbone"]

LEVELS = 4
"""Number of downsampling steps, in plane and along z; each has a level of the pyramid."""

CONTEXT = LEVELS // 2
"""Number of neighbouring slices on either side: five slices become one by four steps along z."""

SLAB = LEVELS + 1
"""Number of slices that become one."""


class HybridBackbone(nn.Module):
    """A contracting arm in 3D and an expanding arm in 2D, joined by projections of all slices into one.

    In plane the kernels are 1x3x3, along z they are the paper's valid 2x1x1: slice z comes from slices z-2 to z+2 and
    from no others. So all inner slices of a slab of any depth are computed at once, each only once, and exactly as
    from slabs of five.

    With ``kernel_depth=3`` the 3x3 kernels of the contracting arm are 3x3x3, padded with zeros along z. Their features
    depend on where the slab ends, so every inner slice is computed from its own slab of five, as in the paper.

    Args:
        widths: Channels of the first convolution and of the four stages.
        pyramid: Channels of the expanding arm.
        blocks: Residual bottlenecks a stage.
        stem_stride: in-plane step of the first convolution.
        kernel_depth: Size along z of the contracting arm's 3x3 kernels, 1 or 3.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 256, 512),
        pyramid: int = 128,
        blocks: int = 2,
        stem_stride: int = 2,
        kernel_depth: int = 1,
    ) -> None:
        super().__init__()
        self.one_by_one = kernel_depth > 1
        self.strides = tuple(stem_stride * 2**level for level in range(1, LEVELS + 1))
        self.stem = _in_plane(1, widths[0], stem_stride, kernel_depth)
        self.stages = nn.ModuleList(
            nn.Sequential(
                _in_plane(before, after, 2, kernel_depth),
                *_normalized(nn.Conv3d(after, after, (2, 1, 1), bias=False)),
                *(_Bottleneck(after, kernel_depth) for _ in range(blocks)),
            )
            for before, after in pairwise(widths)
        )
        self.projections = nn.ModuleList(
            nn.Conv3d(width, pyramid, (LEVELS - level, 1, 1)) for level, width in enumerate(widths[1:])
        )
        self.expanding = nn.ModuleList(
            nn.Sequential(*_normalized(nn.Conv2d(pyramid, pyramid, 3, padding=1, bias=False))) for _ in range(LEVELS)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the pyramid of every inner slice.

        Args:
            x: batch,depth,y,x with a depth of at least five; y and x are multiples of the coarsest stride.

        Returns:
            Features, the finest level first: batch * (depth - 4),channel,y,x; the slices of one slab follow each other.
        """
        if self.one_by_one:
            x = x.unfold(1, SLAB, 1).movedim(-1, 2).flatten(0, 1)
        x = self.stem(x[:, None])
        flat = []
        for stage, project in zip(self.stages, self.projections, strict=True):
            x = stage(x)
            flat.append(project(x).transpose(1, 2).flatten(0, 1))
        levels: list[Tensor] = []
        for joined, expand in zip(flat[::-1], self.expanding, strict=True):
            above = nn.functional.interpolate(levels[-1], scale_factor=2.0, mode="nearest") if levels else 0
            levels.append(expand(joined + above))
        return levels[::-1]


class _Bottleneck(nn.Module):
    """1x1x1, Nx3x3, 1x1x1 through a quarter of the channels, around a residual (He et al. 2015, 1512.03385)."""

    def __init__(self, channels: int, kernel_depth: int) -> None:
        super().__init__()
        inner = max(channels // 4, 4)
        self.steps = nn.Sequential(
            *_normalized(nn.Conv3d(channels, inner, 1, bias=False)),
            _in_plane(inner, inner, 1, kernel_depth),
            nn.Conv3d(inner, channels, 1, bias=False),
            nn.BatchNorm3d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.steps(x))


def _in_plane(before: int, after: int, stride: int, depth: int) -> nn.Sequential:
    sides, padding = (depth, 3, 3), (depth // 2, 1, 1)
    kernel = nn.Conv3d(before, after, sides, stride=(1, stride, stride), padding=padding, bias=False)
    return nn.Sequential(*_normalized(kernel))


def _normalized(convolution: nn.Conv2d | nn.Conv3d) -> tuple[nn.Module, nn.Module, nn.Module]:
    kind = nn.BatchNorm3d if isinstance(convolution, nn.Conv3d) else nn.BatchNorm2d
    return convolution, kind(convolution.out_channels), nn.ReLU(inplace=True)
