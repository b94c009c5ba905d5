"""Training of ``cascade-unet`` (Zhao et al. 2022, Section 2.4; nnU-Net's choices where the paper states none)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ctbench.datasets import Dataset
from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.reference import Reference
from ctbench.volume import Volume
from reference_models.cascade_unet.network import ForegroundScale
from reference_models.cascade_unet.predictor import AIR_HU, CascadeConfiguration
from reference_models.cascade_unet.presets import CascadePlan, cascade_plan
from reference_models.hemorrhage import LABEL, hemorrhage_codes
from reference_models.training.augmentation import ElasticAugmentation, flipped
from reference_models.training.engine import Curves
from reference_models.training.examples import Batch, Example, stack
from reference_models.training.losses import binary_cross_entropy, dice_loss
from reference_models.training.nnunet_augmentation import NnunetAugmentation
from reference_models.training.presets import Preset
from reference_models.training.setup import Cases, Setup, prepare

__all__ = ["CascadePlan", "CascadeRecipe", "cascade_example", "cascade_plan", "cascade_setup"]

Triple = tuple[int, int, int]
Place = tuple[Example, tuple[int, ...]]


def cascade_setup(_: str, dataset: Dataset, preset: Preset, options: Mapping[str, Any], seed: int) -> Setup:
    """Return how the cascade is trained on a dataset; all labels are one class, unless one is called ``hemorrhage``."""
    plan = cascade_plan(preset, options, seed)
    _check_piece(plan)  # before the cases are read
    codes = hemorrhage_codes(dataset.labels)

    def recipe(training: Cases, validation: Cases) -> CascadeRecipe:
        seen, held_out = (
            prepare(
                cases, lambda case, reference: [cascade_example(case.image(), reference, codes, plan.configuration)]
            )
            for cases in (training, validation)
        )
        return CascadeRecipe(plan, seen, held_out)

    return Setup(plan, LabelSet({LABEL: 1}), recipe)


def cascade_example(
    image: Volume, reference: Reference, codes: tuple[int, ...], configuration: CascadeConfiguration
) -> Example:
    """Return a case on the grid of the networks, in HU; its padding does not count.

    Args:
        image: CT in HU.
        reference: Reference labels on the image's grid.
        codes: Label codes of hemorrhage; all become one class.
        configuration: Settings of the networks and their preprocessing.
    """
    grid, hu = configuration.grid(image)
    blood = reference.structure(LABEL, codes)
    return Example(hu, grid.cut(blood.labels, 0), grid.cut(~blood.uncounted, fill=False))


@dataclass(eq=False)
class CascadeRecipe:
    """Sampling and loss of the cascade: pieces of heads, one channel per window.

    Args:
        plan: Settings of the training.
        training: Whole heads in HU, to learn from.
        validation: Whole heads in HU, on which the best epoch is chosen.
    """

    plan: CascadePlan
    training: list[Example]
    validation: list[Example]

    def __post_init__(self) -> None:
        configuration = self.plan.configuration
        mirrored = sorted({*configuration.mirrored_axes, -1})
        self.elastic = ElasticAugmentation(fill=AIR_HU)
        self.nnunet = NnunetAugmentation(configuration.patch, mirrored, AIR_HU)
        self.bloody = [example for example in self.training if example.target.any()]

    def network(self) -> nn.Module:
        """Return the network with new random weights, and keep it: batches may need how it scales its input.

        One channel is scaled by the blood of the training heads.

        Raises:
            UsageError: One channel is to be learnt from, and no training head holds blood.
        """
        network = self._network = self.plan.configuration.network()
        if self.plan.configuration.windows_hu is None:
            if not self.bloody:
                msg = "windows_hu=null scales HU by the blood of the training heads, and none holds any"
                raise UsageError(msg)
            scale = self._scale
            scale.only_in_prediction = self.plan.augmentation == "nnunet"
            scale.fit(torch.from_numpy(np.concatenate([one.image[one.target > 0] for one in self.bloody])))
        return network

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield one epoch of augmented pieces."""
        augmented = self._as_nnunet if self.plan.augmentation == "nnunet" else self._deformed
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        for _ in range(self.plan.steps):
            yield augmented([self._place(rng) for _ in range(self.plan.batch_size)], generator)

    def validation_batches(self) -> Iterator[Batch]:
        """Yield the heads in adjacent patches, one at a time."""
        patch = self.plan.configuration.patch
        for example in self.validation:
            for corner in product(*map(_side_by_side, example.image.shape, patch)):
                yield self._in_windows(stack([_cut(example, corner, patch)]))

    def loss(self, logits: Tensor | list[list[Tensor]], batch: Batch) -> Tensor:
        """Return Dice loss plus cross-entropy, summed over the stages.

        Under deep supervision every level weighs half as much as the finer one and the coarsest nothing, as in nnU-Net.
        """
        stages = [[logits]] if isinstance(logits, Tensor) else logits
        return torch.stack([self._over_levels(levels, batch) for levels in stages]).sum()

    def is_done(self, _: Curves) -> bool:
        """Return False: neither the paper nor nnU-Net stops before the end of the schedule."""
        return False

    def _over_levels(self, levels: list[Tensor], batch: Batch) -> Tensor:
        taught = levels[: max(1, len(levels) - 1)]
        losses = torch.stack([self._of_level(logits, batch) for logits in taught])
        shares = 0.5 ** torch.arange(len(taught), device=losses.device)
        return (losses * shares).sum() / shares.sum()

    def _of_level(self, logits: Tensor, batch: Batch) -> Tensor:
        steps = [whole // here for whole, here in zip(batch.target.shape[1:], logits.shape[2:], strict=True)]
        here = (slice(None), *(slice(None, None, step) for step in steps))
        target, counted = batch.target[here], batch.counted[here]
        entropy = binary_cross_entropy(logits, target, counted)
        return dice_loss(logits, target, counted) + self.plan.bce_weight * entropy

    def _deformed(self, places: list[Place], generator: torch.Generator) -> Batch:
        """Return pieces, deformed and flipped from left to right, and along the other mirrored axes."""
        pieces = stack([_cut(head, corner, self._sides) for head, corner in places])
        return self._in_windows(self._mirrored(self.elastic(pieces, generator), generator))

    def _as_nnunet(self, places: list[Place], generator: torch.Generator) -> Batch:
        """Return pieces, rotated, scaled and mirrored; intensities change last, as the network sees them."""
        pieces = [self.nnunet.piece(head, corner, self._sides, generator) for head, corner in places]
        batch = self._in_windows(Batch(*map(torch.cat, zip(*pieces, strict=True))))
        if self.plan.configuration.windows_hu is None:
            scale = deepcopy(self._scale).cpu()  # the network may be on a GPU
            batch = batch._replace(image=scale.scaled(batch.image))
        return batch._replace(image=self.nnunet.intensities(batch.image, generator))

    @property
    def _scale(self) -> ForegroundScale:
        scale = self._network.scale
        assert isinstance(scale, ForegroundScale)
        return scale

    @property
    def _sides(self) -> Triple:
        return self.plan.piece or self.plan.configuration.patch

    def _mirrored(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch, mirrored half of the time along each axis but x, which the augmentation mirrors."""
        for axis in self.plan.configuration.mirrored_axes:
            if axis != -1 and torch.rand((), generator=generator) < 0.5:
                batch = flipped(batch, axis)
        return batch

    def _in_windows(self, batch: Batch) -> Batch:
        return batch._replace(image=self.plan.configuration.channels(batch.image))

    def _place(self, rng: np.random.Generator) -> Place:
        """Return a head, and where a piece of it begins."""
        sides = self._sides
        wanted = bool(self.bloody) and rng.random() < self.plan.around_blood
        heads = self.bloody if wanted else self.training
        example = heads[rng.integers(len(heads))]
        last = np.subtract(example.image.shape, sides, dtype=np.int64)
        corner = rng.integers(last + 1)
        if wanted:
            voxel = np.unravel_index(rng.choice(np.flatnonzero(example.target)), example.target.shape)
            corner = np.clip(np.array(voxel) - rng.integers(sides), 0, last)
        return example, tuple(corner.tolist())


def _check_piece(plan: CascadePlan) -> None:
    multiple, patch = plan.configuration.level_plan().multiple, plan.configuration.patch
    piece = plan.piece or patch
    if any(side > whole or side % least for side, whole, least in zip(piece, patch, multiple, strict=True)):
        told, least = (" x ".join(map(str, sides)) for sides in (patch, multiple))
        msg = f"piece={piece} cannot be learnt from; expected sides up to {told} that are multiples of {least}"
        raise UsageError(msg)


def _cut(example: Example, corner: tuple[int, ...], sides: Triple) -> Example:
    return example[tuple(slice(low, low + side) for low, side in zip(corner, sides, strict=True))]


def _side_by_side(size: int, side: int) -> list[int]:
    """Return the starts of pieces that cover an axis; the last piece ends at its end."""
    return sorted({min(start, size - side) for start in range(0, size, side)})
