"""Training settings of ``hybrid-mask-rcnn``: the paper's, and a narrow demo for phantoms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from reference_models.hybrid_mask_rcnn.predictor import ChangConfiguration
from reference_models.training.engine import Schedule
from reference_models.training.presets import Preset, changed

__all__ = ["ChangPlan", "chang_plan"]

_DEMO_PRIOR_LOGIT = 1.4
"""Logit of 0.8: at that score, as trained, no normal validation head is called positive; it becomes 0.5."""

_EPOCH = 1000
"""Steps of an epoch of the paper's preset, of which a hundred are its "approximately 100,000 iterations"."""

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class ChangPlan:
    """Settings of a training of ``hybrid-mask-rcnn``.

    Args:
        configuration: Settings of the network and its preprocessing.
        schedule: Epochs, learning rate and optimizer.
        slab: Number of inner slices of a slab; the paper's slabs of five slices have one.
        batch_size: Number of slabs per training step; the paper does not state it.
        gap_px: Largest gap in pixels between pieces of blood of one instance.
        spared: A box of which a larger share than this lies in a true box is not used as background; 1: no limit.
        decay: Factor of the squared weights in the loss; the paper names the term, not the factor.
        steps: Training steps of an epoch, after which the validation cases are looked at; None: as many as show all
            slabs once.
        on_disk: Keep the prepared slices in a temporary file instead of in memory: 1.5 MiB each at the paper's size.
    """

    configuration: ChangConfiguration
    schedule: Schedule
    slab: int = 1
    batch_size: int = 8
    gap_px: int = 8
    spared: float = 1.0
    decay: float = 1e-4
    steps: int | None = None
    on_disk: bool = False


def chang_plan(preset: Preset, types: tuple[str, ...], options: Mapping[str, Any], seed: int = 0) -> ChangPlan:
    """Return the settings of a training of ``hybrid-mask-rcnn``.

    The demo sees 128 x 128 pixels, with anchors that cover as much of a head as the paper's and a first level at every
    second pixel, in a network a fifth as wide. It learns from slabs of four inner slices, which share the contracting
    arm's features of their neighbours, and uses no box as background that lies by half in a true one, as most boxes on
    a thin sheet of blood do.

    Args:
        preset: Name of the settings, paper or demo.
        types: Names of the classes of the type head; empty: no type head.
        options: Fields of the plan, of the configuration and of the schedule.
        seed: Random seed of the training.

    Raises:
        UsageError: An unknown option, or one with an invalid value.
    """
    schedule = Schedule(learning_rate=2e-4, epochs=100, patience=5, seed=seed)
    plan = ChangPlan(ChangConfiguration(types=types), schedule, steps=_EPOCH, on_disk=True)
    if preset == "demo":
        narrow = replace(
            plan.configuration,
            edge=128,
            window_hu=(0.0, 100.0),
            anchors_px=(4.0, 8.0, 16.0, 32.0),
            widths=(8, 24, 32, 64, 96),
            pyramid=32,
            blocks=1,
            stem_stride=1,
            hidden=96,
            proposals=128,
            prior_logit=_DEMO_PRIOR_LOGIT,
        )
        schedule = Schedule(learning_rate=2e-3, epochs=20, cosine=True, largest_gradient=5.0, seed=seed)
        plan = ChangPlan(narrow, schedule, slab=4, batch_size=2, gap_px=4, spared=0.5)
    plan = changed(plan, options)
    return replace(plan, configuration=ChangConfiguration.read(asdict(plan.configuration)))
