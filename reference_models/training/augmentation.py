"""Random flips, affine and elastic deformation of batches, in one resampling: images linear, targets nearest.

Voxels from outside the image take the fill value, are background, and count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reference_models.training.examples import Batch, Example, stack

__all__ = ["ElasticAugmentation", "PlaneAugmentation", "flipped", "resampled"]


@dataclass(frozen=True, slots=True)
class PlaneAugmentation:
    """Flips, scaling, rotation and translation of slices (Cai et al. 2020).

    Args:
        scale: Largest relative change of size.
        rotation_deg: Largest rotation to either side.
        translation: Largest shift along y and x, as a share of the slice's side (20 of 512 pixels in the paper).
        flip_front_to_back: Whether to flip front to back, as the paper does; our images all have one orientation.
        fill: Image value outside the field; air, in the network's units.
    """

    scale: float = 0.08
    rotation_deg: float = 7.0
    translation: float = 20 / 512
    flip_front_to_back: bool = True
    fill: float = -1000.0

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with each member of batch,channel,y,x changed; targets are batch,y,x or batch,slice,y,x."""
        count, _, height, width = batch.image.shape
        random = torch.rand((count, 6), generator=generator) * 2 - 1
        scale = 1 + self.scale * random[:, 0]
        angle = math.radians(self.rotation_deg) * random[:, 1]
        flip_x = torch.sign(random[:, 2])
        flip_y = torch.sign(random[:, 3]) if self.flip_front_to_back else torch.ones(count)
        # Normalised coordinates span -1..1 over each side: a rotation in pixels needs the ratio of the sides.
        ratio = height / width
        theta = torch.zeros(count, 2, 3)
        theta[:, 0, 0], theta[:, 0, 1] = torch.cos(angle) / scale * flip_x, -torch.sin(angle) / scale * flip_x * ratio
        theta[:, 1, 0], theta[:, 1, 1] = torch.sin(angle) / scale * flip_y / ratio, torch.cos(angle) / scale * flip_y
        theta[:, :, 2] = 2 * self.translation * random[:, 4:6]
        grid = torch.nn.functional.affine_grid(theta, list(batch.image.shape), align_corners=False)
        return resampled(batch, grid, self.fill)


@dataclass(frozen=True, slots=True)
class ElasticAugmentation:
    """Left-right flips and elastic deformation without a component along z (Sharrock et al. 2020).

    The paper states no sizes: they are ours. Shares are of the whole head, also where only a piece of it is wanted
    (``pieces``), so that networks with fields of view of different sizes learn from heads that are deformed alike.

    Args:
        displacement: Standard deviation along y and x, as a share of the side: 2.9 mm of 192 mm.
        nodes: Knots of the deformation along a side: 48 mm apart on 192 mm.
        fill: Image value outside the field.
    """

    displacement: float = 0.015
    nodes: int = 5
    fill: float = 0.0

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with each member of batch,1,(z,)y,x changed."""
        sides = batch.image.shape[2:]
        mode = "bilinear" if len(sides) == 2 else "trilinear"
        knots = torch.randn((len(batch.image), 2, *[self.nodes] * len(sides)), generator=generator)
        field = torch.nn.functional.interpolate(knots, size=sides, mode=mode, align_corners=True)
        identity = torch.eye(len(sides), len(sides) + 1).expand(len(batch.image), -1, -1)
        grid = torch.nn.functional.affine_grid(identity, list(batch.image.shape), align_corners=False).clone()
        grid[..., :2] += 2 * self.displacement * field.movedim(1, -1)
        mirrored = torch.rand(len(batch.image), generator=generator) < 0.5
        grid[mirrored, ..., 0] *= -1
        return resampled(batch, grid, self.fill)

    def pieces(
        self, heads: Sequence[Example], corners: Sequence[Sequence[int]], edge: int, generator: torch.Generator
    ) -> Batch:
        """Return one cube of each head, which is deformed before the cube is cut out, and mirrored half of the time.

        Args:
            heads: Cubes of the same shape, z,y,x; or one of them several times.
            corners: First voxel of the cube, z,y,x, of each.
            edge: Side of the cubes in voxels.
            generator: Source of chance.
        """
        cut = [self._piece(head, corner, edge, generator) for head, corner in zip(heads, corners, strict=True)]
        return Batch(*map(torch.cat, zip(*cut, strict=True)))

    def _piece(self, head: Example, corner: Sequence[int], edge: int, generator: torch.Generator) -> Batch:
        axes = [torch.arange(first, first + edge) for first in map(int, corner)]
        at = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).float()[None]
        sides = torch.tensor(head.image.shape)
        knots = torch.randn((1, 2, *[self.nodes] * 3), generator=generator)
        among_knots = (2 * at / (sides - 1) - 1).flip(-1)
        field = torch.nn.functional.grid_sample(knots, among_knots, padding_mode="border", align_corners=True)
        grid = ((2 * at + 1) / sides - 1).flip(-1)
        grid[..., :2] += 2 * self.displacement * field.movedim(1, -1)
        piece = resampled(stack([head]), grid, self.fill)
        return flipped(piece, -1) if torch.rand((), generator=generator) < 0.5 else piece


def flipped(batch: Batch, axis: int) -> Batch:
    """Return a batch mirrored along an axis of its images, counted from the last (-1 is x)."""
    return Batch(*(tensor.flip(axis) for tensor in batch))


def resampled(batch: Batch, grid: Tensor, fill: float) -> Batch:
    """Return a batch at other places, images linear and targets nearest.

    Args:
        batch: Images batch,channel,(z,)y,x, and their targets.
        grid: batch,(z,)y,x,coordinate: places as for ``grid_sample``, in the order x, y, z.
        fill: Image value outside the image, which is background and counts.
    """
    sample = torch.nn.functional.grid_sample
    image = sample(batch.image - fill, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + fill
    # One pass for both: outside the image the result is 0, so "not counted" is stored as 1.
    planes = (len(image), -1, *batch.image.shape[2:])
    pair = torch.cat([batch.target.reshape(planes).float(), (~batch.counted).reshape(planes).float()], dim=1)
    moved = sample(pair, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    sides = (*batch.target.shape[: batch.target.ndim - grid.ndim + 2], *grid.shape[1:-1])
    target, left_out = (part.reshape(sides) for part in moved.chunk(2, dim=1))
    return Batch(image, target.round().long(), left_out < 0.5)
