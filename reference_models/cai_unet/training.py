"""Training of ``cai-unet`` (Cai et al. 2020, Materials and Methods)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ctbench.datasets import Dataset
from ctbench.labels import LabelSet
from ctbench.reference import Reference
from ctbench.volume import Volume
from reference_models.cai_unet.network import CONFIGURATIONS, Configuration
from reference_models.cai_unet.predictor import AIR_HU, CaiConfiguration
from reference_models.cai_unet.presets import cai_plan
from reference_models.scans.hounsfield import check_hu, windowed
from reference_models.training.augmentation import PlaneAugmentation
from reference_models.training.classweights import class_weights
from reference_models.training.engine import Curves
from reference_models.training.examples import Batch, Example, classes_of, count_classes, stack
from reference_models.training.losses import cross_entropy, dice_loss
from reference_models.training.presets import Preset
from reference_models.training.setup import Cases, Setup, prepare
from reference_models.training.stopping import has_plateaued

__all__ = ["CaiRecipe", "cai_examples", "cai_setup"]


def cai_setup(_: str, dataset: Dataset, preset: Preset, options: Mapping[str, Any], seed: int) -> Setup:
    """Return how ``cai-unet`` is trained on the labels of a dataset."""
    plan = cai_plan(preset, len(dataset.labels), options, seed)
    codes = tuple(dataset.labels.values())

    def recipe(training: Cases, validation: Cases) -> CaiRecipe:
        seen, held_out = (
            prepare(cases, lambda case, reference: cai_examples(case.image(), reference, codes, plan.configuration))
            for cases in (training, validation)
        )
        made = CaiRecipe(plan.configuration, CONFIGURATIONS[plan.row], seen, held_out, plan.stop_early)
        made.augmentation = replace(made.augmentation, flip_front_to_back=plan.flip_front_to_back)
        return made

    return Setup(plan, LabelSet(dataset.labels.codes), recipe)


def cai_examples(
    image: Volume, reference: Reference, codes: tuple[int, ...], configuration: CaiConfiguration
) -> list[Example]:
    """Return the slices of a case, without those in which no voxel counts.

    Args:
        image: CT in HU.
        reference: Reference labels on the image's grid.
        codes: Label codes of the structures, in the order of the classes.
        configuration: Settings of the network and its preprocessing.
    """
    plan, slices = configuration.slices(check_hu(image))
    target = plan.cut(classes_of(reference.labels, codes), 0)
    counted = plan.cut(~reference.uncounted, 0)
    whole = Example(slices, target, counted)
    return [whole[index] for index in range(len(slices)) if counted[index].any()]


@dataclass(eq=False)
class CaiRecipe:
    """Training of one of the eight configurations of Table 1.

    Args:
        configuration: Settings of the network and its preprocessing.
        row: Row of Table 1: loss, class weights and batch size.
        training: Slices to learn from.
        validation: Slices on which the best epoch is chosen.
        stop_early: Stop by the paper's rule: a soft Dice that gains less than 0.001 over five epochs.
    """

    configuration: CaiConfiguration
    row: Configuration
    training: list[Example]
    validation: list[Example]
    stop_early: bool = True

    def __post_init__(self) -> None:
        counts = count_classes(self.training, self.configuration.classes)
        self.weights = torch.tensor(class_weights(counts, self.row.class_weights), dtype=torch.float32)
        air = windowed(np.array([AIR_HU]), self.configuration.window_hu)
        self.augmentation = PlaneAugmentation(fill=float(air[0]))

    def network(self) -> nn.Module:
        """Return the network with new random weights."""
        return self.configuration.network()

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield every slice once, shuffled and augmented; slices of one shape make a batch."""
        order = rng.permutation(len(self.training))
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        for batch in self._grouped([self.training[index] for index in order]):
            yield self.augmentation(batch, generator)

    def validation_batches(self) -> Iterator[Batch]:
        """Yield every slice as it is."""
        return self._grouped(self.validation)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the loss of the row."""
        if self.row.loss == "dice":
            return dice_loss(logits, batch.target, batch.counted)
        return cross_entropy(logits, batch.target, batch.counted, self.weights.to(logits.device))

    def is_done(self, curves: Curves) -> bool:
        """Return whether the paper's rule stops the training."""
        return self.stop_early and has_plateaued(curves.soft_dice)

    def _grouped(self, examples: list[Example]) -> Iterator[Batch]:
        waiting: dict[tuple[int, ...], list[Example]] = {}
        for example in examples:
            group = waiting.setdefault(example.image.shape, [])
            group.append(example)
            if len(group) == self.row.batch_size:
                yield stack(group)
                group.clear()
        yield from (stack(group) for group in waiting.values() if group)
