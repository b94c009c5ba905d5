"""Training settings of ``cai-unet``: the paper's, and a narrow demo for phantoms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ctbench.errors import UsageError
from reference_models.cai_unet.network import CONFIGURATIONS
from reference_models.cai_unet.predictor import CaiConfiguration
from reference_models.training.engine import Schedule
from reference_models.training.presets import MANY_EPOCHS, Preset, changed

__all__ = ["CaiPlan", "cai_plan"]


@dataclass(frozen=True)
class CaiPlan:
    """Settings of a training of ``cai-unet``.

    Args:
        configuration: Settings of the network and its preprocessing.
        row: Row of the paper's Table 1, 1 to 8.
        schedule: Epochs, learning rate and optimizer.
        stop_early: Stop by the paper's rule.
        flip_front_to_back: Augment with flips from front to back, as the paper does.
    """

    configuration: CaiConfiguration
    row: int
    schedule: Schedule
    stop_early: bool = True
    flip_front_to_back: bool = True


def cai_plan(preset: Preset, structures: int, options: Mapping[str, Any], seed: int = 0) -> CaiPlan:
    """Return the settings of a training of ``cai-unet``.

    The demo sees a soft-tissue window at 1.8 mm with a network a sixth as wide, trains for a fixed number of epochs,
    and does not flip front to back, since all images have the same orientation after preprocessing. Row 1 sees raw HU,
    as in the paper; in row 8 the bounds of the batch renormalisation open after 50 steps, early in the training.

    Args:
        preset: Name of the settings, paper or demo.
        structures: Number of labels of the dataset.
        options: ``row`` of Table 1 (default 3), and fields of the configuration and of the schedule.
        seed: Random seed of the training.

    Raises:
        UsageError: An unknown option.
    """
    row = int(options.get("row", 3))
    if row not in CONFIGURATIONS:
        msg = f"row {row} is not in the paper's Table 1; expected 1 to {len(CONFIGURATIONS)}"
        raise UsageError(msg)
    configuration = CaiConfiguration(classes=structures + 1, normalization=CONFIGURATIONS[row].normalization)
    schedule = Schedule(learning_rate=1e-4, epochs=MANY_EPOCHS, seed=seed)
    plan = CaiPlan(configuration, row, schedule)
    if preset == "demo":
        plan = replace(
            plan,
            configuration=replace(
                configuration,
                width=10,
                pixel_mm=1.8,
                window_hu=None if row == 1 else (0.0, 80.0),
                renorm_opens=50,
            ),
            schedule=replace(schedule, learning_rate=2e-3, epochs=26, cosine=True, largest_gradient=1.0),
            stop_early=False,
            flip_front_to_back=False,
        )
    return changed(plan, {key: value for key, value in options.items() if key != "row"})
