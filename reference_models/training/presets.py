"""The settings of every training: the paper's, and a narrow one for phantoms that a laptop finishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields, replace
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar

from ctbench.errors import UsageError
from reference_models.cai_unet.network import CONFIGURATIONS
from reference_models.cai_unet.predictor import CaiConfiguration
from reference_models.deepbleed.predictor import DeepBleedConfiguration
from reference_models.training.engine import Schedule

__all__ = ["CaiPlan", "DeepBleedPlan", "Plan", "Preset", "cai_plan", "changed", "deepbleed_plan"]

Preset = Literal["paper", "demo"]


class Plan(Protocol):
    """A dataclass of settings, with the parts that every model has."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def configuration(self) -> Any:
        """Of the network and its preprocessing, a dataclass."""
        ...

    @property
    def schedule(self) -> Schedule:
        """How long and how fast."""
        ...


_Plan = TypeVar("_Plan", bound=Plan)


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

_NO_OPTIONS = {"configuration", "schedule", "model", "classes", "structures"}
"""Fields of plans that the model and the labels decide."""

_ENOUGH = 1000
"""Epochs that no training is expected to reach before the paper's rule ends it."""


@dataclass(frozen=True)
class CaiPlan:
    """How ``cai-unet`` is trained.

    Args:
        configuration: of the network.
        row: of the paper's Table 1.
        schedule: how long and how fast.
        stop_early: by the paper's rule.
        flip_front_to_back: as the paper augments.
    """

    configuration: CaiConfiguration
    row: int
    schedule: Schedule
    stop_early: bool = True
    flip_front_to_back: bool = True


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


def cai_plan(preset: Preset, structures: int, options: Mapping[str, Any], seed: int = 0) -> CaiPlan:
    """Make the plan of ``cai-unet``.

    The demo sees a soft-tissue window at 1.8 mm with a network a sixth as wide, learns for so many epochs, and does
    not flip front to back, since all images are turned alike before.

    Args:
        preset: paper or demo.
        structures: how many labels the dataset has.
        options: ``row`` of Table 1 (default 3), and fields of the configuration and of the schedule.
        seed: of the training.

    Raises:
        UsageError: an option that is none.
    """
    row = int(options.get("row", 3))
    if row not in CONFIGURATIONS:
        msg = f"row {row} is not in the paper's Table 1; expected 1 to {len(CONFIGURATIONS)}"
        raise UsageError(msg)
    configuration = CaiConfiguration(classes=structures + 1, normalization=CONFIGURATIONS[row].normalization)
    schedule = Schedule(learning_rate=1e-4, epochs=_ENOUGH, seed=seed)
    plan = CaiPlan(configuration, row, schedule)
    if preset == "demo":
        plan = replace(
            plan,
            configuration=replace(configuration, width=10, pixel_mm=1.8, window_hu=(0.0, 80.0)),
            schedule=replace(schedule, learning_rate=2e-3, epochs=26, cosine=True, largest_gradient=1.0),
            stop_early=False,
            flip_front_to_back=False,
        )
    return changed(plan, {key: value for key, value in options.items() if key != "row"})


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
    plan = DeepBleedPlan(configuration, Schedule(learning_rate=1e-4, epochs=_ENOUGH, seed=seed))
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


def changed(plan: _Plan, options: Mapping[str, Any]) -> _Plan:
    """Put options into the part of a plan that has a field of that name.

    Args:
        plan: a dataclass with a ``configuration`` and a ``schedule``.
        options: field -> value.

    Raises:
        UsageError: no part has such a field.
    """
    parts: dict[str, Any] = {"plan": plan, "configuration": plan.configuration, "schedule": plan.schedule}
    homes = {field.name: part for part, value in parts.items() for field in fields(value)}
    for key, value in options.items():
        if homes.get(key) is None or key in _NO_OPTIONS:
            known = sorted(homes.keys() - _NO_OPTIONS)
            msg = f"training has no option {key!r}; expected one of {', '.join(known)}"
            raise UsageError(msg)
        part = homes[key]
        parts[part] = replace(parts[part], **{key: tuple(value) if isinstance(value, list) else value})
    whole: _Plan = replace(parts["plan"], configuration=parts["configuration"], schedule=parts["schedule"])
    return whole
