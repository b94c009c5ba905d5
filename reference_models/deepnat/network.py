"""DeepNAT's two networks (Wachinger et al. 2018, doi 10.1016/j.neuroimage.2017.02.035, Tables 1 and 2).

The paper cuts a patch for every voxel. Here the same weights run as a fully convolutional network: a volume is pooled
with stride one, and the result is split into eight lattices of every second voxel, on which the next layers see exactly
what they would see of a patch. So every voxel gets the output of its own patch.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

__all__ = ["BEFORE", "SUPPORT", "DeepNat", "PatchNetwork", "task_offsets"]

SUPPORT = 24
"""Side of a patch. The paper's 23 give its sizes only where pooling rounds up, which no dense network can follow."""
BEFORE = 12
"""Voxels of a patch before its centre, along each axis; 11 come after it."""

Offset = tuple[int, int, int]


def task_offsets(tasks: int) -> tuple[Offset, ...]:
    """Return the z,y,x offsets of the voxels whose label a patch predicts; the centre comes first.

    Args:
        tasks: 1, 7 (the six direct neighbours) or 27 (the whole 3 x 3 x 3 region).

    Raises:
        ValueError: Any other number.

    Example:
        >>> task_offsets(7)[:3]
        ((0, 0, 0), (-1, 0, 0), (0, -1, 0))
    """
    reach = {1: 0, 7: 1, 27: 3}.get(tasks)
    if reach is None:
        msg = f"expected 1, 7 or 27 tasks, got {tasks}"
        raise ValueError(msg)
    around = itertools.product((-1, 0, 1), repeat=3)
    near = [(z, y, x) for z, y, x in around if abs(z) + abs(y) + abs(x) <= reach]
    return tuple(sorted(near, key=lambda offset: sum(map(abs, offset))))


class PatchNetwork(nn.Module):
    """One network of the cascade: three convolutions, two hidden layers, one head per task.

    Normalisation has no scale and shift, as in Caffe: the number of weights is then the paper's.

    Args:
        classes: Number of classes of each head; 2 and 25 in the paper.
        tasks: Number of voxels that a patch predicts.
        coordinates: Number of coordinates of the centre, which are inputs of the first hidden layer.
        widths: Filters of the three convolutions.
        hidden: Neurons of the two hidden layers.
        dropout: Share dropped after each hidden layer while training.
    """

    def __init__(
        self,
        classes: int,
        tasks: int = 7,
        coordinates: int = 6,
        widths: tuple[int, int, int] = (32, 64, 64),
        hidden: tuple[int, int] = (1024, 512),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.classes, self.tasks = classes, tasks
        self.conv1 = nn.Conv3d(1, widths[0], 7)
        self.conv2 = nn.Conv3d(widths[0], widths[1], 5)
        self.norm2 = nn.BatchNorm3d(widths[1], affine=False)
        self.conv3 = nn.Conv3d(widths[1], widths[2], 3)
        self.norm3 = nn.BatchNorm3d(widths[2], affine=False)
        self.inner1 = nn.Conv3d(widths[2], hidden[0], 3)
        self.inner2 = nn.Linear(hidden[0] + coordinates, hidden[1])
        self.norm4 = nn.BatchNorm1d(hidden[1], affine=False)
        self.heads = nn.Linear(hidden[1], classes * tasks)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.conv1, self.conv2, self.conv3, self.inner1, self.inner2, self.heads):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # every layer here has a bias

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of every task.

        Args:
            x: batch,channel,z,y,x with the image and the coordinates of every voxel, at least 24 voxels a side.

        Returns:
            batch,class,task,z,y,x for the voxels that have 12 before and 11 after them along each axis.
        """
        sides = [side - SUPPORT + 1 for side in x.shape[2:]]
        centre_z, centre_y, centre_x = (slice(BEFORE, BEFORE + side) for side in sides)
        places = x[:, 1:, centre_z, centre_y, centre_x]
        y = self.conv1(x[:, :1])
        if sides == [1, 1, 1]:
            return self._classified(torch.relu(nn.functional.max_pool3d(y, 2)), places)
        lattices = self._classified(_lattices(torch.relu(nn.functional.max_pool3d(y, 2, 1))), _lattices(places))
        depth, height, width = sides
        return _joined(lattices)[..., :depth, :height, :width]

    def _classified(self, y: Tensor, places: Tensor) -> Tensor:
        """Return the logits of pooled features, which have 8 voxels more per side than ``places``."""
        y = torch.relu(self.norm2(self.conv2(y)))
        y = torch.relu(self.norm3(self.conv3(y)))
        # Rows of features: matrix products are faster than convolutions of one voxel.
        y = self.dropout(torch.relu(self.inner1(y)).movedim(1, -1))
        y = self.inner2(torch.cat([y, places.movedim(1, -1)], dim=-1))
        shape = y.shape
        y = self.dropout(torch.relu(self.norm4(y.reshape(-1, shape[-1]))))
        logits: Tensor = self.heads(y).reshape(*shape[:-1], self.classes, self.tasks)
        return logits.movedim((-2, -1), (1, 2))


class DeepNat(nn.Module):
    """The cascade: foreground or background, and which structure, given that it is foreground.

    Args:
        structures: Number of structures; 25 in the paper.
        hierarchical: Two networks; otherwise one that separates background and all structures in one step (Figure 4).
        tasks: Number of voxels that a patch predicts.
        coordinates: Number of coordinates of the centre, which are inputs of the first hidden layer.
        widths: Filters of the three convolutions.
        hidden: Neurons of the two hidden layers.
        dropout: Share dropped after each hidden layer while training.
    """

    def __init__(
        self,
        structures: int = 25,
        *,
        hierarchical: bool = True,
        tasks: int = 7,
        coordinates: int = 6,
        widths: tuple[int, int, int] = (32, 64, 64),
        hidden: tuple[int, int] = (1024, 512),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        size = (tasks, coordinates, widths, hidden, dropout)
        self.foreground = PatchNetwork(2, *size) if hierarchical else None
        self.structures = PatchNetwork(structures if hierarchical else structures + 1, *size)

    def forward(self, x: Tensor) -> Tensor:
        """Return the log-probabilities of background and every structure; shapes as in ``PatchNetwork.forward``.

        Their cross-entropy is the sum of those of the two networks: background voxels train the first only.
        """
        which = torch.log_softmax(self.structures(x).float(), dim=1)
        if self.foreground is None:
            return which
        whether = torch.log_softmax(self.foreground(x).float(), dim=1)
        return torch.cat([whether[:, :1], whether[:, 1:] + which], dim=1)


def _lattices(x: Tensor) -> Tensor:
    """Split batch,channel,z,y,x into its eight lattices of every second voxel: lattice and batch,channel,z,y,x.

    Odd sides are padded with zeros at their end.
    """
    x = nn.functional.pad(x, [part for side in x.shape[:1:-1] for part in (0, side % 2)])
    batch, channels, z, y, xs = x.shape
    split = x.reshape(batch, channels, z // 2, 2, y // 2, 2, xs // 2, 2)
    return split.permute(3, 5, 7, 0, 1, 2, 4, 6).flatten(0, 3).contiguous(memory_format=torch.channels_last_3d)


def _joined(lattices: Tensor) -> Tensor:
    """Undo ``_lattices``: lattice and batch,class,task,z,y,x to batch,class,task,z,y,x."""
    split = lattices.reshape(2, 2, 2, -1, *lattices.shape[1:]).movedim((0, 1, 2), (4, 6, 8))
    return split.flatten(7, 8).flatten(5, 6).flatten(3, 4)
