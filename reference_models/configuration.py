"""What stands beside weights about their network, read as strictly as any file that somebody sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from ctbench.errors import UsageError

__all__ = ["Millimetres", "Size", "Window", "read_configuration"]

T = TypeVar("T")


def _rising(window: tuple[float, float]) -> tuple[float, float]:
    low, high = window
    if not low < high:
        msg = f"a window must rise, from {low:g} to {high:g} it does not"
        raise ValueError(msg)
    return window


Size = Annotated[int, Field(ge=1, le=4096)]
"""A number of channels, classes or voxels along one side."""

Millimetres = Annotated[float, Field(gt=0, allow_inf_nan=False)]

Window = Annotated[tuple[float, float], AfterValidator(_rising)]
"""HU that become 0 and 1."""


def read_configuration(kind: type[T], stored: Mapping[str, Any]) -> T:
    """Read what ``asdict`` and JSON made of a dataclass whose fields say what they may be.

    Args:
        kind: the dataclass.
        stored: names and values; what is left out has its default.

    Raises:
        UsageError: a name that it does not have, or a value that is not of its kind.
    """
    strangers = set(stored) - {field.name for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    if strangers:
        msg = f"{kind.__name__} has no {min(strangers)!r}; were the weights made by another version?"
        raise UsageError(msg)
    try:
        return TypeAdapter(kind).validate_python(dict(stored))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        msg = f"{kind.__name__}: {place}: {first['msg']}, got {str(first['input'])[:60]!r}"
        raise UsageError(msg) from error
