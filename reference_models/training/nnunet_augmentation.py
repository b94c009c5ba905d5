"""nnU-Net's augmentation: rotation, scaling, noise, blur, brightness, contrast, low resolution, gamma and mirrors.

Order, probabilities and ranges are those of the default trainer of nnU-Net v2 (Isensee et al. 2021, doi
10.1038/s41592-020-01008-z).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy import ndimage
from torch import Tensor

from reference_models.training.augmentation import resampled
from reference_models.training.examples import Batch, Example, stack

__all__ = ["NnunetAugmentation"]

_ROTATION, _SCALING, _NOISE, _BLUR, _BRIGHTNESS, _CONTRAST, _LOW_RESOLUTION = 0.2, 0.2, 0.1, 0.2, 0.15, 0.15, 0.25
_GAMMA, _INVERTED_GAMMA = 0.3, 0.1
"""Probabilities of a patch; blur and low resolution then take each channel with a probability of one half."""

_SIDES = (0.7, 1.4)
"""Range of the factor of a patch's sides: what it holds looks larger below 1, smaller above."""
_TILT_DEGREES, _TURN_DEGREES = 30.0, 180.0
"""Largest rotation about each axis, and within thick slices."""
_NOISE_SD, _BLUR_SD, _SHARE_OF_VOXELS = (0.0, 0.1), (0.5, 1.0), (0.5, 1.0)
_MULTIPLIER, _EXPONENT = (0.75, 1.25), (0.7, 1.5)
_THICK = 3
"""A patch whose longest side has over this many times the voxels of its z is of thick slices."""
_SMALLEST = 1e-7


@dataclass(frozen=True, slots=True)
class NnunetAugmentation:
    """Augmentation of one patch at a time; chance comes from the generators that are passed.

    Args:
        patch: z,y,x size in voxels of the patches that the network sees in prediction. Of thick slices (over three
            times as many voxels along another axis as along z) patches are rotated, scaled and made coarse in plane.
        mirrored: Axes along which patches are mirrored half of the time, counted from the last (-1 is x).
        fill: Image value outside the head.
    """

    patch: tuple[int, int, int]
    mirrored: Sequence[int] = (-3, -2, -1)
    fill: float = 0.0

    def piece(self, head: Example, corner: Sequence[int], sides: Sequence[int], generator: torch.Generator) -> Batch:
        """Return a piece of a head, rotated and scaled about its middle and mirrored, as a batch of one.

        The head around the piece turns into it, so that there is air only where the head ends. Images are linear,
        targets nearest.

        Args:
            head: Whole head, z,y,x.
            corner: First voxel of the piece, z,y,x.
            sides: z,y,x size of the piece in voxels.
            generator: Source of chance.
        """
        matrix = self._matrix(generator)
        flips = [axis for axis in self.mirrored if torch.rand((), generator=generator) < 0.5]
        ends = [first + side for first, side in zip(corner, sides, strict=True)]
        if torch.equal(matrix, torch.eye(3)):
            piece = stack([head[tuple(map(slice, corner, ends))]])
        else:
            piece = _turned(head, torch.tensor(corner), torch.tensor(sides), matrix, self.fill)
        return Batch(*(part.flip(flips) for part in piece)) if flips else piece

    def intensities(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Return a batch of patches batch,channel,z,y,x with changed values, which the network sees as they are."""
        return torch.stack([self._changed(patch.clone(), generator) for patch in image])

    @property
    def _is_thick(self) -> bool:
        return max(self.patch) > _THICK * self.patch[0]

    def _matrix(self, generator: torch.Generator) -> Tensor:
        """Return the matrix that takes offsets from a piece's middle (z,y,x voxels) to those in the head."""
        rotated, scaled = (torch.rand((), generator=generator) < share for share in (_ROTATION, _SCALING))
        matrix = torch.eye(3)
        if rotated:
            most = _TURN_DEGREES if self._is_thick else _TILT_DEGREES
            for axis in range(1 if self._is_thick else 3):
                matrix = _rotation(axis, math.radians(_uniform((-most, most), generator))) @ matrix
        if scaled:
            factors = torch.full((3,), _uniform(_SIDES, generator))
            if self._is_thick:
                factors[0] = 1
            matrix = matrix * factors
        return matrix

    def _changed(self, patch: Tensor, generator: torch.Generator) -> Tensor:
        def chance(share: float) -> bool:
            return bool(torch.rand((), generator=generator) < share)

        if chance(_NOISE):
            patch += torch.randn(patch.shape[1:], generator=generator) * _uniform(_NOISE_SD, generator)
        if chance(_BLUR):
            for channel in filter(lambda _: chance(0.5), patch):
                sds = [_uniform(_BLUR_SD, generator) for _ in channel.shape]
                channel.copy_(torch.from_numpy(ndimage.gaussian_filter(channel.numpy(), sds)))
        if chance(_BRIGHTNESS):
            for channel in patch:
                channel.mul_(_factor(_MULTIPLIER, generator))
        if chance(_CONTRAST):
            for channel in patch:
                mean, (low, high) = channel.mean(), channel.aminmax()
                channel.sub_(mean).mul_(_factor(_MULTIPLIER, generator)).add_(mean).clamp_(low, high)
        if chance(_LOW_RESOLUTION):
            for channel in filter(lambda _: chance(0.5), patch):
                channel.copy_(_coarse(channel, _uniform(_SHARE_OF_VOXELS, generator), self._is_thick))
        if chance(_INVERTED_GAMMA):
            for channel in patch:
                channel.copy_(-_gamma(-channel, _factor(_EXPONENT, generator)))
        if chance(_GAMMA):
            for channel in patch:
                channel.copy_(_gamma(channel, _factor(_EXPONENT, generator)))
        return patch


def _turned(head: Example, corner: Tensor, sides: Tensor, matrix: Tensor, fill: float) -> Batch:
    offsets = [torch.arange(side) - (side - 1) / 2 for side in sides.tolist()]
    at = torch.stack(torch.meshgrid(*offsets, indexing="ij"), dim=-1) @ matrix.T + corner + (sides - 1) / 2
    flat, last = at.reshape(-1, 3), torch.tensor(head.image.shape)
    low = flat.amin(0).floor().long().clamp_min(0)
    high = torch.minimum(flat.amax(0).ceil().long() + 1, last)
    around = head[tuple(map(slice, low.tolist(), high.tolist()))]
    grid = ((2 * (at - low) + 1) / (high - low) - 1).flip(-1)
    return resampled(stack([around]), grid[None], fill)


def _rotation(axis: int, angle: float) -> Tensor:
    """Return the matrix of a rotation about one of the axes z, y, x."""
    one, other = (here for here in range(3) if here != axis)
    matrix = torch.eye(3)
    matrix[one, one] = matrix[other, other] = math.cos(angle)
    matrix[one, other], matrix[other, one] = -math.sin(angle), math.sin(angle)
    return matrix


def _uniform(limits: tuple[float, float], generator: torch.Generator) -> float:
    low, high = limits
    return low + (high - low) * float(torch.rand((), generator=generator))


def _factor(limits: tuple[float, float], generator: torch.Generator) -> float:
    """Return a factor that is as often below 1 as above, evenly on either side."""
    low, high = limits
    return _uniform((low, 1.0) if torch.rand((), generator=generator) < 0.5 else (1.0, high), generator)


def _coarse(channel: Tensor, share: float, in_plane: bool) -> Tensor:
    """Return a channel z,y,x as if scanned with fewer voxels a side: nearest down, linear up."""
    shares = (1.0 if in_plane else share, share, share)
    fewer = [max(1, round(size * own)) for size, own in zip(channel.shape, shares, strict=True)]
    small = torch.nn.functional.interpolate(channel[None, None], fewer, mode="nearest-exact")
    return torch.nn.functional.interpolate(small, channel.shape, mode="trilinear", align_corners=False)[0, 0]


def _gamma(channel: Tensor, exponent: float) -> Tensor:
    """Return a channel whose values, from 0 to 1 over their range, have an exponent; mean and SD are kept."""
    low, high = channel.aminmax()
    span = (high - low).clamp_min(_SMALLEST)
    bent = ((channel - low) / span) ** exponent * span
    return (bent - bent.mean()) * (channel.std() / bent.std().clamp_min(_SMALLEST)) + channel.mean()
