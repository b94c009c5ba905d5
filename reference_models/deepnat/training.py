"""Training of ``deepnat`` (Wachinger et al. 2018, Results)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ctbench.datasets import Case, Dataset
from ctbench.errors import DataError, UsageError
from ctbench.labels import LabelSet
from ctbench.reference import Reference
from reference_models.deepnat.inputs import Modality
from reference_models.deepnat.network import SUPPORT, DeepNat, task_offsets
from reference_models.deepnat.pictures import write_pictures
from reference_models.deepnat.presets import DeepNatPlan, deepnat_plan
from reference_models.training.engine import Curves
from reference_models.training.examples import Batch, classes_of
from reference_models.training.presets import Preset
from reference_models.training.setup import Cases, Setup, prepare

__all__ = ["Block", "DeepNatPlan", "DeepNatRecipe", "Head", "deepnat_heads", "deepnat_plan", "deepnat_setup"]

_PROBES = 300
"""Number of blocks from which the shares of the classes among drawn voxels are estimated."""

Triple = tuple[int, int, int]


def deepnat_setup(_: str, dataset: Dataset, preset: Preset, options: Mapping[str, Any], seed: int) -> Setup:
    """Return how ``deepnat`` is trained on the labels of a dataset.

    Raises:
        UsageError: The dataset lists no labels, or ``doubled`` of the options names one that it does not have.
    """
    if not dataset.labels:
        msg = f"dataset {dataset.name} lists no labels, so there is nothing to learn; add labels to its entry"
        raise UsageError(msg)
    kind: Modality = "t1" if dataset.modality == "MR" else "ct"
    plan = deepnat_plan(preset, len(dataset.labels), {"modality": kind, **options}, seed)
    strangers = [name for name in plan.doubled if name not in dataset.labels]
    if strangers and "doubled" in options:
        msg = f"doubled names {strangers[0]!r}; expected some of {', '.join(dataset.labels)}"
        raise UsageError(msg)
    codes = tuple(dataset.labels.values())
    doubled = tuple(name in plan.doubled for name in dataset.labels)

    def recipe(training: Cases, validation: Cases) -> DeepNatRecipe:
        seen, held_out = (
            prepare(cases, lambda case, reference: deepnat_heads(case, reference, codes, plan))
            for cases in (training, validation)
        )
        return DeepNatRecipe(plan, seen, held_out, doubled)

    return Setup(plan, LabelSet(dataset.labels.codes), recipe, _illustrate)


def _illustrate(folder: Path, network: DeepNat, recipe: DeepNatRecipe) -> None:
    """Write the pictures of a training; accuracies are those of the epochs since it began or was resumed."""
    spectral = recipe.plan.configuration.coordinates in {"both", "spectral"}
    brains = [head.channels for head in recipe.training] if spectral else []
    write_pictures(folder, network, brains, recipe.accuracies)


@dataclass(frozen=True, eq=False)
class Head:
    """Input and target of one brain, for training.

    Args:
        channels: As ``SeenBrain`` has them, float32.
        target: z,y,x class numbers, with a margin of one voxel around the patch centres.
        counted: z,y,x bool of the same shape: the voxels whose label counts.
        centres: z,y,x bool: the voxels that may be the centre of a patch.
    """

    channels: NDArray[np.float32]
    target: NDArray[np.uint8]
    counted: NDArray[np.bool_]
    centres: NDArray[np.bool_]


def deepnat_heads(case: Case, reference: Reference, codes: tuple[int, ...], plan: DeepNatPlan) -> list[Head]:
    """Return the head of a case in cubic voxels; an empty list where there is no brain or no voxel that counts.

    Args:
        case: Case whose image is read.
        reference: Reference labels on the image's grid.
        codes: Label codes of the structures, in the order of the classes.
        plan: Settings of the training; a brain is padded to the size of a block.

    Raises:
        DataError: The scan cannot be used, e.g. a T1 that is not skull-stripped; the message names the case.
    """
    image = case.image()
    try:
        seen = plan.configuration.see(image)
    except DataError as error:
        msg = f"{case}: {error}"
        raise DataError(msg) from error
    if seen is None:
        return []
    short = [max(0, side - size) for side, size in zip(plan.block, seen.mask.shape, strict=True)]
    target, counted = (
        np.pad(seen.in_box(array), [(1, 1 + more) for more in short])
        for array in (classes_of(reference.labels, codes), ~reference.uncounted)
    )
    centres = np.pad(seen.mask, [(0, more) for more in short]) & counted[1:-1, 1:-1, 1:-1]
    channels = np.pad(seen.channels.numpy(), [(0, 0), *((0, more) for more in short)], mode="edge")
    return [Head(channels, target, counted, centres)] if centres.any() else []


class Block(NamedTuple):
    """One training example: channel,z,y,x; and task,z,y,x twice."""

    channels: NDArray[np.float32]
    target: NDArray[np.uint8]
    counted: NDArray[np.bool_]


@dataclass(eq=False)
class DeepNatRecipe:
    """Both networks learn at once, from one stream of blocks.

    The paper draws patches for the first network evenly from foreground and background, and for the second evenly from
    the structures, each up to a limit an image. Here the centres of blocks are drawn as the second's, with the
    background beside them, and weights make up for the difference: so each network's expected loss is the paper's.

    Args:
        plan: Settings of the training.
        training: Heads to learn from.
        validation: Heads on which the best epoch is chosen.
        doubled: For every structure, whether twice as many patches are drawn.
    """

    plan: DeepNatPlan
    training: list[Head]
    validation: list[Head]
    doubled: tuple[bool, ...]

    def __post_init__(self) -> None:
        classes = range(len(self.doubled) + 1)
        self._right: list[NDArray[np.float64]] = []
        self._pools = [
            [np.argwhere(head.centres & (head.target[1:-1, 1:-1, 1:-1] == one)) for one in classes]
            for head in self.training
        ]
        limits = [self.plan.background, *(self.plan.per_structure * (1 + twice) for twice in self.doubled)]
        counts = np.array([[len(pool) for pool in pools] for pools in self._pools])
        self._patches = np.minimum(counts, limits)
        wanted = self._wanted(counts)
        self.weights = torch.tensor(wanted / self._drawn_shares(), dtype=torch.float32)
        self.offsets = self._offsets(wanted[1], counts.sum(axis=0))

    @property
    def _blocks(self) -> int:
        return self.plan.blocks or int(self._patches.sum())

    @property
    def steps(self) -> int:
        """Number of training steps of an epoch: the paper's learning rate falls at each."""
        return -(-self._blocks // self.plan.batch_size)

    def network(self) -> nn.Module:
        """Return the networks with new random weights."""
        return self.plan.configuration.network()

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield one epoch of blocks."""
        for start in range(0, self._blocks, self.plan.batch_size):
            size = min(self.plan.batch_size, self._blocks - start)
            yield _batch([self._jittered(block, rng) for block in self._drawn(size, rng)])

    def validation_batches(self) -> Iterator[Batch]:
        """Yield blocks around voxels of the validation heads, drawn evenly, the same every time."""
        self._right.append(np.zeros((2, self.plan.configuration.tasks)))
        rng = np.random.default_rng(self.plan.schedule.seed)
        pools = [np.argwhere(head.centres) for head in self.validation]
        chosen = rng.integers(len(pools), size=-(-self.plan.validated // math.prod(self.plan.block)))
        for start in range(0, len(chosen), self.plan.batch_size):
            heads = chosen[start : start + self.plan.batch_size]
            yield _batch([self._around(self.validation[head], rng.choice(pools[head]), rng) for head in heads])

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the sum of the two networks' cross-entropies, weighted to match the paper's sampling.

        The second network's logits are shifted by the log ratio of a structure's drawn to its true frequency (Menon et
        al. 2021, arXiv 2007.07314), times ``natural``: without the shift they then follow the true frequencies.
        """
        if self._right and not torch.is_grad_enabled():
            self._count_right(logits, batch)
        logits = logits.float()
        chosen = logits.gather(1, batch.target[:, None])[:, 0]
        inside = torch.logsumexp(logits[:, 1:], dim=1)
        is_background = batch.target == 0
        offsets = self.offsets.to(logits.device)
        drawn = torch.logsumexp(logits[:, 1:] + offsets[1:].view(1, -1, 1, 1, 1, 1), dim=1)
        whether, which = self.weights.to(logits.device)[:, batch.target]
        loss = whether * -torch.where(is_background, chosen, inside) + which * (drawn - chosen - offsets[batch.target])
        mean: Tensor = (loss * batch.counted).sum() / batch.counted.sum().clamp_min(1)
        return mean

    @property
    def accuracies(self) -> list[list[float]]:
        """Return the share of validation voxels that each task classifies right, epoch by epoch."""
        return [(right / np.maximum(counted, 1)).tolist() for right, counted in self._right]

    def _count_right(self, logits: Tensor, batch: Batch) -> None:
        right = (logits.argmax(dim=1) == batch.target) & batch.counted
        for row, voxels in enumerate((right, batch.counted)):
            self._right[-1][row] += voxels.sum((0, 2, 3, 4)).cpu().numpy()

    def is_done(self, _: Curves) -> bool:
        """Return False: the paper trains for a fixed number of epochs."""
        return False

    def _wanted(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the share of every class among the paper's patches, for the first and for the second network.

        Args:
            counts: image,class numbers of voxels.
        """
        inside = counts[:, 1:].sum(axis=1, keepdims=True)
        drawn = np.minimum(inside, self.plan.background) / np.maximum(inside, 1) * counts[:, 1:]
        first = [self._patches[:, 0].sum(), *drawn.sum(axis=0)]
        second = [0, *self._patches[:, 1:].sum(axis=0)]
        return np.array([np.divide(one, max(np.sum(one), 1)) for one in (first, second)])

    def _offsets(self, wanted: NDArray[np.float64], counts: NDArray[np.int64]) -> Tensor:
        """Return the log ratio of each structure's drawn to its true frequency, times ``natural``."""
        offsets = np.zeros(len(counts))
        natural = np.maximum(counts[1:], 1) / max(counts[1:].sum(), 1)
        offsets[1:] = np.log(np.maximum(wanted[1:], 1e-9) / natural)
        return torch.tensor(self.plan.natural * offsets, dtype=torch.float32)

    def _drawn_shares(self) -> NDArray[np.float64]:
        """Return the share of every class among the centres of blocks: exact for single voxels, otherwise estimated."""
        if math.prod(self.plan.block) == 1:
            drawn = self._patches.sum(axis=0)
        else:
            blocks = self._drawn(_PROBES, np.random.default_rng(self.plan.schedule.seed))
            seen = np.concatenate([block.target[0][block.counted[0]] for block in blocks])
            drawn = np.bincount(seen, minlength=len(self.doubled) + 1)
        shares: NDArray[np.float64] = np.maximum(drawn, 1) / drawn.sum()
        return shares

    def _drawn(self, count: int, rng: np.random.Generator) -> list[Block]:
        odds = self._patches.ravel() / self._patches.sum()
        chosen = np.unravel_index(rng.choice(odds.size, count, p=odds), self._patches.shape)
        return [
            self._around(self.training[head], rng.choice(self._pools[head][one]), rng)
            for head, one in zip(*chosen, strict=True)
        ]

    def _around(self, head: Head, voxel: NDArray[np.int64], rng: np.random.Generator) -> Block:
        """Return a block that holds a voxel at a random place in it."""
        sides = np.array(self.plan.block)
        corner = np.clip(voxel - rng.integers(sides), 0, np.array(head.centres.shape) - sides)
        seen = tuple(slice(low, low + side + SUPPORT - 1) for low, side in zip(corner, sides, strict=True))
        about = tuple(slice(low, low + side) for low, side in zip(corner, sides, strict=True))
        targets, counts = [], []
        for offset in task_offsets(self.plan.configuration.tasks):
            there = tuple(
                slice(1 + low + step, 1 + low + step + side)
                for low, step, side in zip(corner, offset, sides, strict=True)
            )
            targets.append(head.target[there])
            counts.append(head.counted[there] & head.centres[about])
        return Block(head.channels[(slice(None), *seen)], np.stack(targets), np.stack(counts))

    def _jittered(self, block: Block, rng: np.random.Generator) -> Block:
        if not self.plan.jitter:
            return block
        gain, shift = rng.normal((1, 0), self.plan.jitter)
        channels = block.channels.copy()
        channels[0] = np.where(channels[0] > channels[0].min(), channels[0] * gain + shift, channels[0])
        return block._replace(channels=channels)


def _batch(blocks: Sequence[Block]) -> Batch:
    channels, target, counted = (np.stack(parts) for parts in zip(*blocks, strict=True))
    return Batch(torch.from_numpy(channels), torch.from_numpy(target.astype(np.int64)), torch.from_numpy(counted))
