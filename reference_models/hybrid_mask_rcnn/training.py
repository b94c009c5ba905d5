"""Training of ``hybrid-mask-rcnn`` (Chang et al. 2018, Implementation)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ctbench.datasets import Dataset
from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.reference import Reference
from ctbench.volume import Volume
from reference_models.hemorrhage import LABEL, hemorrhage_codes
from reference_models.hybrid_mask_rcnn.backbone import CONTEXT
from reference_models.hybrid_mask_rcnn.detection_losses import detection_losses
from reference_models.hybrid_mask_rcnn.instances import Instances, find_instances
from reference_models.hybrid_mask_rcnn.network import Detections, HybridMaskRCNN, Maps, painted
from reference_models.hybrid_mask_rcnn.predictor import SCALED_TO, ChangConfiguration
from reference_models.hybrid_mask_rcnn.presets import ChangPlan, chang_plan
from reference_models.training.augmentation import PlaneAugmentation
from reference_models.training.engine import Curves
from reference_models.training.examples import Batch, Example, stack
from reference_models.training.losses import binary_cross_entropy
from reference_models.training.presets import Preset
from reference_models.training.setup import Cases, Setup, expect_examples
from reference_models.training.spool import Spool
from reference_models.training.stopping import count_plateaus

__all__ = ["ChangPlan", "ChangRecipe", "chang_head", "chang_plan", "chang_setup", "slabs_of"]

_ANNEALINGS = 2
_SURE = 0.5
"""Score from which a box is painted into the validation masks."""


def chang_setup(_: str, dataset: Dataset, preset: Preset, options: Mapping[str, Any], seed: int) -> Setup:
    """Return how the network is trained on a dataset: all labels are one class, unless one is called ``hemorrhage``.

    The option ``types`` (default: true for the demo) adds a head that predicts which label it is.
    """
    options = dict(options)
    labels = dataset.labels
    codes = hemorrhage_codes(labels)
    kinds = {name: code for name, code in labels.items() if code in codes}
    typed = options.pop("types", preset == "demo" and len(kinds) > 1)
    if typed and len(kinds) < 2:
        msg = f"{dataset.name} has no types of hemorrhage: its labels are {', '.join(labels)}; train with types=false"
        raise UsageError(msg)
    plan = chang_plan(preset, tuple(kinds) if typed else (), options, seed)
    classes = tuple((code,) for code in kinds.values()) if typed else (codes,)

    def recipe(training: Cases, validation: Cases) -> ChangRecipe:
        def slabs(cases: Cases) -> list[Example]:
            heads = (chang_head(case.image(), reference, classes, plan.configuration) for case, reference in cases)
            kept = _on_disk(heads) if plan.on_disk else heads
            return expect_examples([slab for head in kept for slab in slabs_of(head, plan.slab)])

        return ChangRecipe(plan, slabs(training), slabs(validation))

    named = LabelSet(kinds) if typed else LabelSet({LABEL: 1})
    return Setup(plan, named, recipe)


def _on_disk(heads: Iterator[Example]) -> Iterator[Example]:
    spool = Spool()
    for head in heads:
        spool.keep(head)
    yield from spool.examples()


def chang_head(
    image: Volume, reference: Reference, classes: tuple[tuple[int, ...], ...], configuration: ChangConfiguration
) -> Example:
    """Return a whole case: the input of the network, whose image has two more slices at either end than the target.

    Args:
        image: CT in HU.
        reference: Reference labels on the image's grid.
        classes: Label codes of each class, in the order of the classes.
        configuration: Settings of the network and its preprocessing.
    """
    plan, slices = configuration.slices(image)
    if len(classes) == 1:
        reference, classes = reference.structure(LABEL, classes[0]), ((1,),)
    target = np.zeros(reference.labels.shape, np.uint8)
    for number, codes in enumerate(classes, start=1):
        target[np.isin(reference.labels, codes)] = number
    return Example(slices, plan.cut(target, 0), plan.cut(~reference.uncounted, 0))


def slabs_of(head: Example, slab: int) -> list[Example]:
    """Return a case as adjacent slabs; the last slice is repeated until the last slab is full.

    Args:
        head: Result of ``chang_head``.
        slab: Number of inner slices of a slab.

    Returns:
        Examples whose image has two more slices at either end than target and counted, most of them views of the head;
        slabs in which no voxel counts are left out.
    """
    lacking = -len(head.target) % slab
    if lacking:
        more = ((0, lacking), (0, 0), (0, 0))
        image, target, counted = (np.pad(part, more, mode="edge") for part in (head.image, head.target, head.counted))
        head = Example(image.astype(np.float32), target.astype(np.uint8), counted.astype(bool))
    slices, target, counted = head.image, head.target, head.counted
    return [
        Example(slices[start : start + slab + 2 * CONTEXT], target[start : start + slab], own)
        for start in range(0, len(target), slab)
        if (own := counted[start : start + slab]).any()
    ]


class _Learner(HybridMaskRCNN):
    """The network with the output that training needs: maps while learning, one logit per pixel while validating."""

    def forward(self, image: Tensor) -> Maps | Tensor:  # type: ignore[override]  # detections are for prediction
        if self.training:
            return self.maps(image)
        detections: Detections = super().forward(image)
        kinds = (detections.scores >= _SURE).long() - 1
        return torch.logit(painted(detections, kinds, (image.shape[2], image.shape[3]), 1), eps=1e-4)


@dataclass(eq=False)
class ChangRecipe:
    """Sampling, loss and stopping rule of the network.

    Args:
        plan: Settings of the training.
        training: Slabs to learn from.
        validation: Slabs on which the best epoch is chosen.
    """

    plan: ChangPlan
    training: list[Example]
    validation: list[Example]

    def __post_init__(self) -> None:
        self.augmentation = PlaneAugmentation(flip_front_to_back=False, fill=-SCALED_TO)
        self.positive = np.array([bool(example.target.any()) for example in self.training])

    def network(self) -> nn.Module:
        """Return the network with new random weights, and keep it: the loss applies its heads to chosen boxes."""
        self._network = _Learner(**self.plan.configuration.options())
        return self._network

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield ``steps`` batches, or as many slabs as there are, half of them with hemorrhage, augmented."""
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        count = len(self.training) if self.plan.steps is None else self.plan.steps * self.plan.batch_size
        order = rng.choice(len(self.training), count, p=self._odds())
        for start in range(0, len(order), self.plan.batch_size):
            batch = _slabs([self.training[index] for index in order[start : start + self.plan.batch_size]])
            yield self.augmentation(batch, generator)

    def validation_batches(self) -> Iterator[Batch]:
        """Yield every slab as it is."""
        for start in range(0, len(self.validation), self.plan.batch_size):
            yield _flat(_slabs(self.validation[start : start + self.plan.batch_size]))

    def loss(self, output: Maps | Tensor, batch: Batch) -> Tensor:
        """Return the losses of all heads plus the squared weights; while validating, the masks' cross-entropy."""
        if isinstance(output, Tensor):
            return binary_cross_entropy(output, batch.target, batch.counted)
        flat = _flat(batch)
        found = find_instances(flat.target.cpu(), self.plan.gap_px)
        truth = Instances(*(part.to(flat.target.device) for part in found))
        return detection_losses(self._network, output, truth, flat.counted, self.plan.spared).total() + self._decay()

    def is_done(self, curves: Curves) -> bool:
        """Return whether the learning rate would be annealed once more; the paper says only that training converges."""
        patience = self.plan.schedule.patience
        return patience is not None and count_plateaus(curves.loss, patience=patience) > _ANNEALINGS

    def _odds(self) -> NDArray[np.float64]:
        number = int(self.positive.sum())
        odds = np.where(self.positive, 1 / max(1, number), 1 / max(1, len(self.positive) - number))
        normed: NDArray[np.float64] = odds / odds.sum()
        return normed

    def _decay(self) -> Tensor:
        kernels = [weight.square().sum() for weight in self._network.parameters() if weight.ndim > 1]
        return self.plan.decay * torch.stack(kernels).sum()


def _slabs(examples: list[Example]) -> Batch:
    """Return a batch whose channels are the slices of a slab."""
    batch = stack(examples)
    return batch._replace(image=batch.image[:, 0])


def _flat(batch: Batch) -> Batch:
    """Return the batch with the inner slices of all slabs along the first axis."""
    return batch._replace(target=batch.target.flatten(0, 1), counted=batch.counted.flatten(0, 1))
