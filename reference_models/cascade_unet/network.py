"""The cascade of two 3D U-Nets of Zhao et al. 2022, Section 2.3, and nnU-Net's plan for scans with thick slices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from reference_models.layers import he_normal_

__all__ = ["ISOTROPIC", "CascadeUNet", "ForegroundScale", "LevelPlan", "SecondInput", "nnunet_plan"]

Triple = tuple[int, int, int]
SecondInput = Literal["probability", "image_and_probability"]

SLOPE = 0.01
"""Slope of the leaky ReLU below zero: nnU-Net's, with which the paper's program was written."""

_SMALLEST_SIDE = 4
"""Shortest side, in voxels, to which nnU-Net pools."""
_NEARLY_ALIKE = 2.0
"""Axes whose voxel sides differ by less than this factor are pooled and convolved together."""


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """Kernel sizes and pooling factors of the levels of a U-Net along z, y and x.

    Args:
        kernels: Kernel size of each level, from the finest to the coarsest.
        pools: Pooling factors between neighbouring levels; one fewer than kernels.
    """

    kernels: tuple[Triple, ...]
    pools: tuple[Triple, ...]

    @property
    def multiple(self) -> Triple:
        """Number that the side of an input must be a multiple of, along z, y and x."""
        z, y, x = (math.prod(pool[axis] for pool in self.pools) for axis in range(3))
        return z, y, x

    def cut(self, levels: int) -> LevelPlan:
        """Return the plan of the finest ``levels`` levels alone."""
        return LevelPlan(self.kernels[:levels], self.pools[: levels - 1])


ISOTROPIC = LevelPlan(((3, 3, 3),) * 5, ((2, 2, 2),) * 4)
"""The paper read literally: five levels reach its 320 channels, and its transposed convolutions are 2 x 2 x 2."""


def nnunet_plan(patch: Triple, spacing_mm: Sequence[float]) -> LevelPlan:
    """Return the levels that nnU-Net's rule plans (Isensee et al. 2021, doi 10.1038/s41592-020-01008-z).

    Along an axis a level pools while at least four voxels are left and the voxel's side there is less than twice the
    smallest. Kernels are 1 along an axis until its side is less than twice the smallest, and 3 from then on.

    Args:
        patch: z,y,x size of a patch in voxels.
        spacing_mm: z,y,x voxel sides.

    Example:
        >>> nnunet_plan((16, 320, 320), (5.0, 0.42, 0.42)).pools
        ((1, 2, 2), (1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2), (1, 2, 2))
    """
    size, spacing = list(patch), list(spacing_mm)
    kernel, kernels, pools = [1, 1, 1], [], []
    while True:
        large = [axis for axis in range(3) if size[axis] >= 2 * _SMALLEST_SIDE]
        finest = min((spacing[axis] for axis in large), default=0.0)
        pooled = [axis for axis in large if spacing[axis] < _NEARLY_ALIKE * finest]
        if not pooled or (len(pooled) == 1 and size[pooled[0]] < 3 * _SMALLEST_SIDE):
            break
        kernel = [3 if spacing[axis] < _NEARLY_ALIKE * min(spacing) else kernel[axis] for axis in range(3)]
        kernels.append(_triple(kernel))
        pools.append(_triple([2 if axis in pooled else 1 for axis in range(3)]))
        for axis in pooled:
            size[axis], spacing[axis] = -(-size[axis] // 2), 2 * spacing[axis]
    return LevelPlan((*kernels, (3, 3, 3)), tuple(pools))


class ForegroundScale(nn.Module):
    """nnU-Net's normalisation of CT: clipping to percentiles of the foreground, then a z-score by its mean and SD.

    The four numbers are of the training heads; they are stored with the weights. With ``only_in_prediction`` training
    batches pass as they are: they were scaled before their intensities were augmented.
    """

    low: Tensor
    high: Tensor
    mean: Tensor
    sd: Tensor
    only_in_prediction = False

    def __init__(self) -> None:
        super().__init__()
        for name, value in (("low", -1024.0), ("high", 3071.0), ("mean", 0.0), ("sd", 1.0)):
            self.register_buffer(name, torch.tensor(value))

    def fit(self, hu: Tensor) -> None:
        """Set the numbers from the HU of all foreground voxels: percentiles 0.5 and 99.5, mean and SD."""
        ordered = hu.float().sort().values
        ends = [ordered[round(share * (len(ordered) - 1))] for share in (0.005, 0.995)]
        spread = ordered.std(correction=0).clamp_min(1.0)
        for name, value in zip(("low", "high", "mean", "sd"), (*ends, ordered.mean(), spread), strict=True):
            getattr(self, name).copy_(value)

    def forward(self, hu: Tensor) -> Tensor:
        """Return clipped and scaled HU."""
        return hu if self.training and self.only_in_prediction else self.scaled(hu)

    def scaled(self, hu: Tensor) -> Tensor:
        """Return clipped and scaled HU, while training too."""
        return (hu.clamp(self.low, self.high) - self.mean) / self.sd


class CascadeUNet(nn.Module):
    """Cascade of a 3D U-Net and a second one that sees the probability predicted by the first.

    With three channels the first stage has 16,548,385 parameters on the isotropic plan, and 43,528,230 with deep
    supervision on nnU-Net's plan for patches of 16 x 320 x 320 voxels of 5 x 0.42 x 0.42 mm.

    Args:
        channels: Channels of the image: one per window.
        stages: Number of U-Nets: 2, or 1 for the first alone.
        width: Channels of the finest level; every coarser level has twice as many.
        largest: Limit of the channels of a level.
        plan: Kernels and pools of both stages.
        second_input: What the second stage sees: the probability, or the image as well, as in nnU-Net's own cascade.
        deep_supervision: Also return logits of the coarser levels while training.
        scaled: Whether the input is one channel of HU, which the network scales by ``ForegroundScale``.

    Raises:
        ValueError: ``stages`` is neither 1 nor 2, or ``second_input`` is unknown.
    """

    def __init__(
        self,
        channels: int = 3,
        stages: int = 2,
        width: int = 32,
        largest: int = 320,
        plan: LevelPlan = ISOTROPIC,
        second_input: SecondInput = "probability",
        deep_supervision: bool = False,
        scaled: bool = False,
    ) -> None:
        super().__init__()
        self.scale = ForegroundScale() if scaled else None
        if stages not in {1, 2} or second_input not in {"probability", "image_and_probability"}:
            msg = f"no cascade has stages={stages!r}, second_input={second_input!r}"
            raise ValueError(msg)
        self.second_sees_image = second_input == "image_and_probability"
        widths = [min(width * 2**level, largest) for level in range(len(plan.kernels))]
        second = 1 + channels * self.second_sees_image
        self.stages = nn.ModuleList(
            _UNet(before, widths, plan, deep_supervision) for before in (channels, second)[:stages]
        )
        he_normal_(self)

    def forward(self, x: Tensor) -> Tensor | list[list[Tensor]]:
        """Return the logits of patches.

        Args:
            x: batch,channel,z,y,x; sides are multiples of the plan's.

        Returns:
            The logit of the last stage, batch,1,z,y,x. While training: for every stage a list of logits, the first at
            full size, further ones at the coarser levels under deep supervision.
        """
        found: list[list[Tensor]] = []
        if self.scale is not None:
            x = self.scale(x)
        seen = x
        for stage in self.stages:
            if found:
                probability = torch.sigmoid(found[-1][0])
                seen = torch.cat([x, probability], dim=1) if self.second_sees_image else probability
            found.append(stage(seen))
        return found if self.training else found[-1][0]


class _UNet(nn.Module):
    """Encoder, decoder, and a head at the finest decoder level or, under deep supervision, at all of them."""

    def __init__(self, channels: int, widths: Sequence[int], plan: LevelPlan, deep_supervision: bool) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(
            _level(before, after, kernel)
            for before, after, kernel in zip([channels, *widths], widths, plan.kernels, strict=False)
        )
        self.pools = nn.ModuleList(nn.MaxPool3d(pool) for pool in plan.pools)
        upper = list(zip(widths, widths[1:], plan.kernels, plan.pools, strict=False))
        self.up = nn.ModuleList(nn.ConvTranspose3d(below, here, pool, pool) for here, below, _, pool in upper)
        self.decoder = nn.ModuleList(_level(2 * here, here, kernel) for here, _, kernel, _ in upper)
        heads = len(upper) if deep_supervision else 1
        self.heads = nn.ModuleList(nn.Conv3d(here, 1, 1) for here in widths[:heads])

    def forward(self, x: Tensor) -> list[Tensor]:
        skips = [self.encoder[0](x)]
        for pool, level in zip(self.pools, self.encoder[1:], strict=True):
            skips.append(level(pool(skips[-1])))
        x, logits = skips[-1], []
        for index in reversed(range(len(self.decoder))):
            x = self.decoder[index](torch.cat([skips[index], self.up[index](x)], dim=1))
            if index == 0 or (self.training and index < len(self.heads)):
                logits.append(self.heads[index](x))
        return logits[::-1]


def _level(before: int, after: int, kernel: Triple) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (before, after):
        layers += [
            nn.Conv3d(channels, after, kernel, padding=_triple([side // 2 for side in kernel])),
            nn.InstanceNorm3d(after, affine=True),
            nn.LeakyReLU(SLOPE, inplace=True),
        ]
    return nn.Sequential(*layers)


def _triple(sides: Sequence[int]) -> Triple:
    z, y, x = sides
    return z, y, x
