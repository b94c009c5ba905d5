"""Training settings of ``deepnat``: the paper's, and a narrow demo for phantoms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reference_models.deepnat.predictor import DeepNatConfiguration
from reference_models.training.engine import Schedule
from reference_models.training.presets import Preset, changed

__all__ = ["GRAY_AND_WHITE_MATTER", "DeepNatPlan", "deepnat_plan"]

GRAY_AND_WHITE_MATTER = tuple(
    f"{side}_{part}_{tissue}_matter"
    for part in ("cerebral", "cerebellar")
    for tissue in ("gray", "white")
    for side in ("left", "right")
)
"""Names of the labels, in the catalogue, whose higher variability the paper accounts for by twice as many patches."""

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class DeepNatPlan:
    """Settings of a training of ``deepnat``.

    Args:
        configuration: Settings of the networks and their preprocessing.
        schedule: Epochs, learning rate and optimizer.
        batch_size: Number of blocks per training step.
        block: z,y,x number of patch centres in one training example; (1, 1, 1) is the paper's single patch.
        background: Largest number of background patches per image, and of foreground patches for the first network.
        per_structure: Largest number of patches per image and structure for the second network.
        doubled: Labels of which up to twice as many patches are drawn.
        blocks: Number of blocks per epoch; None: all patches that the limits allow.
        validated: Number of voxels on which the soft Dice is measured after every epoch.
        natural: Prior of the structures, from the frequency with which they are drawn (0, the paper's) to their true
            frequency (1). The former makes small structures too large, the latter misses them.
        jitter: Standard deviation of a factor and of a summand that change the intensities of a block.
    """

    configuration: DeepNatConfiguration
    schedule: Schedule
    batch_size: int = 2048
    block: Triple = (1, 1, 1)
    background: int = 30_000
    per_structure: int = 3_000
    doubled: tuple[str, ...] = GRAY_AND_WHITE_MATTER
    blocks: int | None = None
    validated: int = 30_000
    natural: float = 0.0
    jitter: float = 0.0


def deepnat_plan(preset: Preset, structures: int, options: Mapping[str, Any], seed: int = 0) -> DeepNatPlan:
    """Return the settings of a training of ``deepnat``.

    The demo sees voxels of 1.8 mm with networks a quarter as wide and learns with Adam, from blocks of neighbouring
    voxels, which share most of the work. Its random field uses intensities alone: a kernel of distance would erase
    structures that are one or two voxels thin.

    Args:
        preset: Name of the settings, paper or demo.
        structures: Number of labels of the dataset.
        options: Fields of the plan, of the configuration and of the schedule.
        seed: Random seed of the training.

    Raises:
        UsageError: An unknown option.
    """
    configuration = DeepNatConfiguration(structures=structures)
    plan = DeepNatPlan(configuration, Schedule(0.01, epochs=25, optimizer="sgd", poly=0.9, seed=seed))
    if preset == "demo":
        narrow = replace(
            configuration,
            widths=(8, 16, 16),
            hidden=(64, 64),
            dropout=0.1,
            spacing_mm=1.8,
            spectral_mm=5.4,
            appearance=2.0,
            smoothness=0.0,
        )
        plan = DeepNatPlan(
            narrow,
            replace(plan.schedule, learning_rate=0.005, epochs=20, optimizer="adam"),
            batch_size=8,
            block=(4, 12, 12),
            background=1_000_000,
            per_structure=20_000,
            blocks=1600,
            natural=0.5,
        )
    return changed(plan, options)
