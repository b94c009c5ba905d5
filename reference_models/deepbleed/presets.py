"""Training settings of the four ``deepbleed`` networks: the paper's, and a narrow demo for phantoms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from reference_models.deepbleed.predictor import DeepBleedConfiguration
from reference_models.training.engine import Schedule
from reference_models.training.presets import MANY_EPOCHS, Preset, changed

__all__ = ["DeepBleedPlan", "deepbleed_plan"]


class _Demo(NamedTuple):
    edge: int
    spacing_mm: float | None
    width: int
    largest: int | None
    batch_size: int
    epochs: int
    learning_rate: float = 3e-3


_DEMO = {
    "deepbleed-512": _Demo(128, None, 6, None, 8, 18),
    "deepbleed-128": _Demo(128, 1.5, 4, 24, 2, 6, 1e-3),
    "deepbleed-64": _Demo(64, 1.5, 4, 24, 2, 10, 1e-3),
    "deepbleed-32": _Demo(32, 1.5, 4, 24, 8, 30, 1e-3),
}
"""The 3D networks keep the paper's cubes."""


@dataclass(frozen=True)
class DeepBleedPlan:
    """How a ``deepbleed`` network is trained.

    Args:
        configuration: of the network.
        schedule: how long and how fast.
        batch_size: slices or cubes a step.
        bce_weight: of a cross-entropy beside the Dice loss of the 3D networks; the paper has none.
        stop_early: by the paper's rule.
    """

    configuration: DeepBleedConfiguration
    schedule: Schedule
    batch_size: int = 8
    bce_weight: float = 0.0
    stop_early: bool = True


def deepbleed_plan(model: str, preset: Preset, options: Mapping[str, Any], seed: int = 0) -> DeepBleedPlan:
    """Make the plan of a ``deepbleed`` network.

    The paper states no learning rate and no rate of dropout: 1e-4 and 0.1 are ours. The demo's networks are a
    quarter as wide (the 2D one on coarser slices), and have batch normalisation, without which so narrow a network
    learns slowly or finds all its ReLUs shut. A cross-entropy beside the Dice loss teaches it thin bleeds, of which a
    large one in the same batch would leave nothing to be seen.

    Args:
        model: ``deepbleed-512``, ``-128``, ``-64`` or ``-32``.
        preset: paper or demo.
        options: ``batch_size``, and fields of the configuration and of the schedule.
        seed: of the training.

    Raises:
        UsageError: an option that is none.
    """
    configuration = DeepBleedConfiguration.paper(model, dropout=0.1)
    plan = DeepBleedPlan(configuration, Schedule(learning_rate=1e-4, epochs=MANY_EPOCHS, seed=seed))
    if preset == "demo":
        demo = _DEMO[model]
        narrow = replace(
            configuration,
            edge=demo.edge,
            spacing_mm=demo.spacing_mm,
            width=demo.width,
            largest=demo.largest,
            dropout=0.0,
            normalization="batch",
            window_hu=(0.0, 100.0),
        )
        schedule = replace(
            plan.schedule, learning_rate=demo.learning_rate, epochs=demo.epochs, cosine=True, largest_gradient=1.0
        )
        plan = DeepBleedPlan(narrow, schedule, batch_size=demo.batch_size, bce_weight=10.0, stop_early=False)
    return changed(plan, options)
