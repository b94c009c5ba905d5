"""Training of the four ``deepbleed`` networks (Sharrock et al. 2020, Models)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ctbench.datasets import Dataset
from ctbench.errors import DataError
from ctbench.labels import LabelSet
from ctbench.reference import Reference
from ctbench.volume import Volume, write_volume
from reference_models.deepbleed.predictor import TRAINED_TEMPLATE, DeepBleedConfiguration
from reference_models.deepbleed.presets import Sampling, deepbleed_plan
from reference_models.hemorrhage import LABEL, hemorrhage_codes
from reference_models.scans.brain import BrainFinder, brain_mask
from reference_models.scans.brain_source import brain_source
from reference_models.scans.hounsfield import windowed
from reference_models.scans.slices import Slices
from reference_models.scans.space import TemplateSpace, digest_of_template, extracted_brain, read_template
from reference_models.scans.template import mean_brain
from reference_models.training.augmentation import ElasticAugmentation
from reference_models.training.engine import Curves
from reference_models.training.examples import Batch, Example, stack
from reference_models.training.losses import binary_cross_entropy, dice_loss
from reference_models.training.presets import Preset
from reference_models.training.setup import Cases, Setup, prepare
from reference_models.training.stopping import has_stalled

__all__ = ["DeepBleedRecipe", "deepbleed_examples", "deepbleed_setup", "slice_odds"]

MEAN_TEMPLATE = "mean"
"""The ``template`` that is the mean of the training heads."""
MOST_TEMPLATE_HEADS = 24

_log = logging.getLogger("reference_models")

_FIRST_LOGIT = -3.0
_NORMAL_SHARE = 0.25
"""Probability that a head without blood is shown in an epoch; the paper's cases all had blood."""


def deepbleed_setup(model: str, dataset: Dataset, preset: Preset, options: Mapping[str, Any], seed: int) -> Setup:
    """Return how one of the four is trained; all labels are one class, unless one is called ``hemorrhage``."""
    options = dict(options)
    brain = brain_source(options.pop("brain", None))
    named = None
    if DeepBleedConfiguration.paper(model).spacing_mm is not None:
        named = options.pop("template", None)
        if named is None and not dataset.is_phantom:
            _log.warning(
                "%s registers the heads of %s to the mean of simulated heads; better build a template of your own, "
                "template=mean, or name one, template=FILE",
                model,
                dataset.name,
            )
    plan = deepbleed_plan(model, preset, options, seed)
    template = _mean_template(dataset, brain.find) if named == MEAN_TEMPLATE else read_template(named)
    digest = digest_of_template(template) if named else ""
    plan = replace(plan, configuration=replace(plan.configuration, template_digest=digest, brain=brain.text))
    codes = hemorrhage_codes(dataset.labels)

    def recipe(training: Cases, validation: Cases) -> DeepBleedRecipe:
        seen, held_out = (
            prepare(
                cases,
                lambda case, reference: deepbleed_examples(
                    case.image(), reference, codes, plan.configuration, template, brain.find
                ),
            )
            for cases in (training, validation)
        )
        return DeepBleedRecipe(
            plan.configuration,
            seen,
            held_out,
            batch_size=plan.batch_size,
            bce_weight=plan.bce_weight,
            stop_early=plan.stop_early,
            sampling=plan.sampling,
        )

    def keep_template(out: Path, _network: Any, _recipe: Any) -> None:
        write_volume(template, out / TRAINED_TEMPLATE)

    return Setup(plan, LabelSet({LABEL: 1}), recipe, keep_template if named else None)


def _mean_template(dataset: Dataset, find: BrainFinder) -> Volume:
    """Return the mean brain of the first training heads of a dataset, or without a split of all but the test heads."""
    training = [case for case in dataset if case.split == "train"]
    heads = training or [case for case in dataset if case.split not in {"validation", "test"}]
    brains = (extracted_brain(case.image(), find) for case in heads[:MOST_TEMPLATE_HEADS])
    found = [brain for brain in brains if brain.array.any()]
    if not found:
        msg = f"no training head of {dataset.name} shows a brain, so there is nothing to make a template of"
        raise DataError(msg)
    return mean_brain(found)


def deepbleed_examples(
    image: Volume,
    reference: Reference,
    codes: tuple[int, ...],
    configuration: DeepBleedConfiguration,
    template: Volume,
    find: BrainFinder = brain_mask,
) -> list[Example]:
    """Return the training examples of a case: one cube in template space, or one example per slice that shows brain.

    Args:
        image: CT in HU.
        reference: Reference labels on the image's grid.
        codes: Label codes of hemorrhage; all become one class.
        configuration: Settings of the network and its preprocessing.
        template: Extracted brain to register to; not used by ``deepbleed-512``.
        find: Finds the brain.

    Returns:
        The examples; an empty list for a scan without a brain.
    """
    brain = extracted_brain(image, find)
    if not brain.array.any():
        return []
    reference = reference.structure(LABEL, codes)
    blood = reference.labels
    if configuration.spacing_mm is None:
        plan = Slices.of(image, edge=configuration.edge)
        hu = plan.cut(brain.array, 0.0)
        counted = plan.cut((~reference.uncounted).astype(np.uint8), 0).astype(bool)
        whole = Example(windowed(hu, configuration.window_hu), plan.cut(blood, 0), counted)
        return [whole[index] for index in range(len(hu)) if hu[index].any()]
    space = TemplateSpace.of(brain, template, configuration.spacing_mm)
    hu = space.to_template(brain.array)
    left_out = space.to_template(reference.uncounted.astype(np.uint8), nearest=True)
    target = space.to_template(blood, nearest=True)
    return [Example(windowed(hu, configuration.window_hu), target, left_out == 0)]


def slice_odds(examples: list[Example], sampling: Sampling) -> NDArray[np.float64]:
    """Return the probability of drawing each slice.

    With ``paper`` it is in proportion to the share of labelled pixels, so that the network never sees a slice without
    blood; with ``blood`` the mean share is added, which makes half of the draws independent of the share. Where no
    slice has any blood, all are alike.
    """
    share = np.array([float((example.target > 0).mean()) for example in examples])
    odds = share + (share.mean() if sampling == "blood" else 0.0) if share.any() else np.ones(len(share))
    normed: NDArray[np.float64] = odds / odds.sum()
    return normed


@dataclass(eq=False)
class DeepBleedRecipe:
    """Sampling, loss and stopping rule of one of the four networks.

    Args:
        configuration: Settings of the network and its preprocessing.
        training: Cubes of whole heads, or slices, to learn from.
        validation: Cubes of whole heads, or slices, on which the best epoch is chosen.
        batch_size: Number of slices or cubes per training step.
        bce_weight: Weight of a cross-entropy added to the Dice loss in 3D.
        samples: Number of cubes cut from a head per epoch, where a cube is smaller than the head.
        stop_early: Stop by the paper's rule: at least 200 epochs, then ten without a lower moving average of the loss.
        sampling: Which slices and cubes are learnt from.
    """

    configuration: DeepBleedConfiguration
    training: list[Example]
    validation: list[Example]
    batch_size: int = 8
    bce_weight: float = 0.0
    samples: int = 4
    stop_early: bool = True
    sampling: Sampling = "paper"

    def __post_init__(self) -> None:
        self.augmentation = ElasticAugmentation()

    def network(self) -> nn.Module:
        """Return the network with new random weights, whose last bias makes blood unlikely at first, as it is.

        At a probability of one half everywhere, Milletari's loss is so flat that training starts slowly.
        """
        network = self.configuration.network()
        last = [layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.Conv3d))][-1]
        nn.init.constant_(last.bias, _FIRST_LOGIT)  # type: ignore[arg-type]  # every layer of the V-Net has a bias
        return network

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield one epoch of slices or cubes, as ``sampling`` says, of heads that are deformed and mirrored."""
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        drawn = self._drawn(rng)
        for start in range(0, len(drawn), self.batch_size):
            heads = drawn[start : start + self.batch_size]
            if self._whole:
                yield self.augmentation(stack(heads), generator)
            else:
                corners = [self._corner(head, rng) for head in heads]
                yield self.augmentation.pieces(heads, corners, self.configuration.edge, generator)

    def validation_batches(self) -> Iterator[Batch]:
        """Yield all slices, or the heads in adjacent cubes."""
        pieces = self.validation
        if not self._whole:
            pieces = [piece for example in pieces for piece in self._side_by_side(example)]
        for start in range(0, len(pieces), self.batch_size):
            yield stack(pieces[start : start + self.batch_size])

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the cross-entropy in 2D; in 3D Milletari's Dice loss plus ``bce_weight`` times the cross-entropy."""
        if self.configuration.spacing_mm is None:
            return binary_cross_entropy(logits, batch.target, batch.counted)
        dice = dice_loss(logits, batch.target, batch.counted)
        if not self.bce_weight:
            return dice
        return dice + self.bce_weight * binary_cross_entropy(logits, batch.target, batch.counted)

    def is_done(self, curves: Curves) -> bool:
        """Return whether the paper's rule stops the training."""
        return self.stop_early and has_stalled(curves.validation_loss)

    @property
    def _whole(self) -> bool:
        return self.configuration.spacing_mm is None or self.configuration.is_whole

    def _drawn(self, rng: np.random.Generator) -> list[Example]:
        count = len(self.training)
        if self.configuration.spacing_mm is None:
            odds = slice_odds(self.training, self.sampling)
            return [self.training[index] for index in rng.choice(count, count, p=odds)]
        wanted = np.array([bool(example.target.any()) or rng.random() < _NORMAL_SHARE for example in self.training])
        order = rng.permutation(np.repeat(np.flatnonzero(wanted), 1 if self._whole else self.samples))
        return [self.training[index] for index in order]

    def _corner(self, head: Example, rng: np.random.Generator) -> tuple[int, ...]:
        """Return the first voxel of a cube of a head."""
        edge, shape = self.configuration.edge, np.array(head.image.shape)
        centre = np.array(np.unravel_index(self._centre(head, rng), head.image.shape))
        shift = rng.integers(-(edge // 4), edge // 4 + 1, 3)
        return tuple(np.clip(centre + shift - edge // 2, 0, shape - edge).tolist())

    def _centre(self, head: Example, rng: np.random.Generator) -> np.intp:
        """Return the flat index of the voxel around which a cube is cut, but for a shift of up to a quarter."""
        if self.sampling == "blood" and rng.random() < 0.5 and head.target.any():
            return np.intp(rng.choice(np.flatnonzero(head.target)))
        brain = np.flatnonzero(head.image)
        if self.sampling == "blood":
            return np.intp(rng.choice(brain))
        # The brighter of two voxels is any voxel with a probability in proportion to the cumulative histogram there.
        one, other = rng.choice(brain, 2)
        image = head.image.ravel()
        return np.intp(one if image[one] > image[other] else other)

    def _side_by_side(self, example: Example) -> Iterator[Example]:
        edge = self.configuration.edge
        for corner in np.ndindex(*(size // edge for size in example.image.shape)):
            piece = example[tuple(slice(edge * low, edge * (low + 1)) for low in corner)]
            if piece.image.any():
                yield piece
