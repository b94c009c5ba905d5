"""Training settings of the four ``deepbleed`` networks: the paper's, and a narrow demo for phantoms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

from ctbench.errors import UsageError
from reference_models.deepbleed.predictor import DeepBleedConfiguration
from reference_models.training.engine import Schedule
from reference_models.training.presets import MANY_EPOCHS, Preset, changed

__all__ = ["DeepBleedPlan", "Sampling", "deepbleed_plan"]

Sampling = Literal["paper", "blood"]
"""Which slices, and which cubes of a head, are learnt from.

``paper``: slices by their share of blood; cubes around a voxel of the brain, drawn in proportion to the cumulative
histogram. ``blood``: other slices too, half of the time; cubes half of the time around blood.
"""


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
"""Demo settings; the 3D networks keep the paper's cubes."""


@dataclass(frozen=True)
class DeepBleedPlan:
    """Settings of a training of a ``deepbleed`` network.

    Args:
        configuration: Settings of the network and its preprocessing.
        schedule: Epochs, learning rate and optimizer.
        batch_size: Number of slices or cubes per training step.
        bce_weight: Weight of a cross-entropy added to the Dice loss of the 3D networks; 0 in the paper.
        stop_early: Stop by the paper's rule.
        sampling: ``paper`` or ``blood``, see ``Sampling``.
    """

    configuration: DeepBleedConfiguration
    schedule: Schedule
    batch_size: int = 8
    bce_weight: float = 0.0
    stop_early: bool = True
    sampling: Sampling = "paper"


def deepbleed_plan(model: str, preset: Preset, options: Mapping[str, Any], seed: int = 0) -> DeepBleedPlan:
    """Return the settings of a training of a ``deepbleed`` network.

    The paper states no learning rate and no rate of dropout: 1e-4 and 0.1 are ours. The demo's networks are a
    quarter as wide (the 2D one on coarser slices), and have batch normalisation, without which so narrow a network
    learns slowly or not at all (its ReLUs die). A cross-entropy is added to the Dice loss for the sake of thin bleeds,
    whose share of the Dice loss is negligible beside a large bleed in the same batch. The demo samples around blood.

    Args:
        model: ``deepbleed-512``, ``-128``, ``-64`` or ``-32``.
        preset: Name of the settings, paper or demo.
        options: ``batch_size``, and fields of the configuration and of the schedule.
        seed: Random seed of the training.

    Raises:
        UsageError: An unknown option, or an unknown ``sampling``.
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
        plan = DeepBleedPlan(
            narrow, schedule, batch_size=demo.batch_size, bce_weight=10.0, stop_early=False, sampling="blood"
        )
    plan = changed(plan, options)
    if plan.sampling not in get_args(Sampling):
        msg = f"sampling is {plan.sampling!r}; expected {' or '.join(get_args(Sampling))}"
        raise UsageError(msg)
    return plan
