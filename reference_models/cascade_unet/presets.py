"""Training settings of ``cascade-unet``: the paper's, nnU-Net's, and a narrow demo for phantoms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from ctbench.errors import UsageError
from reference_models.cascade_unet.predictor import PAPER_SPACING_MM, CascadeConfiguration
from reference_models.training.engine import Schedule
from reference_models.training.presets import Preset, changed

__all__ = ["CascadePlan", "cascade_plan"]

Triple = tuple[int, int, int]
Augmentation = Literal["elastic", "nnunet"]


@dataclass(frozen=True)
class CascadePlan:
    """Settings of a training of the cascade.

    Args:
        configuration: Settings of the networks and their preprocessing.
        schedule: Epochs, learning rate and optimizer.
        piece: z,y,x size in voxels of a training example; None: the patch of the configuration.
        batch_size: Number of pieces per training step.
        steps: Number of training steps per epoch.
        around_blood: Share of the pieces that are drawn around a voxel of blood; the others are drawn anywhere.
        bce_weight: Weight of the cross-entropy that is added to the Dice loss.
        augmentation: ``elastic`` deformation in plane, as for the other networks, or ``nnunet``: rotation, scaling,
            noise, blur, brightness, contrast, low resolution and gamma.
    """

    configuration: CascadeConfiguration
    schedule: Schedule
    piece: Triple | None = None
    batch_size: int = 2
    steps: int = 250
    around_blood: float = 1 / 3
    bce_weight: float = 1.0
    augmentation: Augmentation = "elastic"


def cascade_plan(preset: Preset, options: Mapping[str, Any], seed: int = 0) -> CascadePlan:
    """Return the settings of a training of ``cascade-unet``.

    The paper states the loss and Adam with an initial learning rate of 0.01; the decay of the rate, batches of two,
    1000 epochs of 250 steps and a third of the pieces around blood are nnU-Net's. The demo is a quarter as wide, on
    nnU-Net's plan for its thick slices. Preset nnunet keeps Zhao's two stages and takes from nnU-Net what the options
    hold: its levels, resampling, normalisation, augmentation, deep supervision, input of the second stage, optimizer,
    mirroring along all axes, and Gaussian weights of patches.

    Args:
        preset: Name of the settings, paper, demo or nnunet.
        options: Fields of the plan, of its configuration and of its schedule.
        seed: Random seed of the training.

    Raises:
        UsageError: An unknown option, or one with an invalid value.
    """
    plan = CascadePlan(CascadeConfiguration(), Schedule(learning_rate=0.01, epochs=1000, poly=0.9, seed=seed))
    if preset == "demo":
        plan = replace(
            plan,
            configuration=replace(
                plan.configuration,
                plan="nnunet",
                levels=4,
                width=8,
                patch=(24, 64, 64),
                spacing_mm=(6.25, 1.8, 1.8),
            ),
            schedule=replace(
                plan.schedule, learning_rate=5e-3, epochs=24, poly=None, cosine=True, largest_gradient=1.0
            ),
            piece=(16, 64, 64),
            steps=100,
            around_blood=2 / 3,
        )
    if preset == "nnunet":
        plan = replace(
            plan,
            configuration=replace(
                plan.configuration,
                windows_hu=None,
                plan="nnunet",
                second_input="image_and_probability",
                deep_supervision=True,
                spacing_mm=PAPER_SPACING_MM,
                tile_weights="gaussian",
                mirrored="zyx",
            ),
            schedule=replace(
                plan.schedule,
                optimizer="sgd",
                momentum=0.99,
                nesterov=True,
                weight_decay=3e-5,
                largest_gradient=12.0,
            ),
            augmentation="nnunet",
        )
    plan = changed(plan, options)
    if plan.augmentation not in get_args(Augmentation):
        msg = f"augmentation is {plan.augmentation!r}; expected {' or '.join(get_args(Augmentation))}"
        raise UsageError(msg)
    return replace(plan, configuration=CascadeConfiguration.read(asdict(plan.configuration)))
