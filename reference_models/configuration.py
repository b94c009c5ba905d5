"""Validation of the network configuration that is stored in a weights file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from ctbench.errors import UsageError

__all__ = ["Millimetres", "Size", "TileWeights", "Window", "read_configuration"]

T = TypeVar("T")


def _rising(window: tuple[float, float]) -> tuple[float, float]:
    low, high = window
    if not low < high:
        msg = f"a window must rise, from {low:g} to {high:g} it does not"
        raise ValueError(msg)
    return window


Size = Annotated[int, Field(ge=1, le=4096)]
"""A number of channels, classes or voxels along one side."""

TileWeights = Literal["constant", "gaussian"]
"""How voxels of a tile count where tiles overlap: all alike, or those near its middle more."""

Millimetres = Annotated[float, Field(gt=0, allow_inf_nan=False)]

Window = Annotated[tuple[float, float], AfterValidator(_rising)]
"""Lowest and highest HU of a window, which become 0 and 1."""


def read_configuration(kind: type[T], stored: Mapping[str, Any]) -> T:
    """Return a dataclass from stored JSON values, each checked against the type of its field.

    Args:
        kind: The dataclass to read.
        stored: Field name -> value; missing fields take their defaults.

    Raises:
        UsageError: An unknown field, or a value of the wrong type or out of range.
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
