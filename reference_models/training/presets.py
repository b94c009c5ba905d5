"""What the training settings of all models share: preset names, the parts of a plan, and options that change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields, replace
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from ctbench.errors import UsageError
from reference_models.training.engine import Schedule

__all__ = ["MANY_EPOCHS", "Plan", "Preset", "changed"]

Preset = Literal["paper", "demo", "nnunet"]
"""Names of the settings; a model offers those that stand in its record."""

MANY_EPOCHS = 1000
"""More epochs than any training is expected to take before the paper's stopping rule ends it."""

_NO_OPTIONS = {"configuration", "schedule", "model", "classes", "structures", "template_digest", "brain"}
"""Fields that the model and the labels determine, which are not options."""


class Plan(Protocol):
    """A dataclass of training settings, with the two parts that every model has."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def configuration(self) -> Any:
        """Settings of the network and its preprocessing, a dataclass."""
        ...

    @property
    def schedule(self) -> Schedule:
        """Epochs, learning rate and optimizer."""
        ...


_Plan = TypeVar("_Plan", bound=Plan)


def changed(plan: _Plan, options: Mapping[str, Any]) -> _Plan:
    """Return a plan in which options replace the fields of the same names, in the plan or one of its parts.

    Args:
        plan: A dataclass with a ``configuration`` and a ``schedule``.
        options: Field -> value.

    Raises:
        UsageError: No part has a field of that name.
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
