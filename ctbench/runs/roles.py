"""Roles of manifest fields: which are rules, results or circumstances of a run."""

from __future__ import annotations

from enum import Enum
from typing import Any

from pydantic import BaseModel

__all__ = ["Role", "WithRoles"]


class Role(Enum):
    """What a field of a manifest is for; its value says what the role means for a run."""

    FORMAT = "The version of the file format."
    DATASET = "The dataset; only runs on one dataset are compared."
    RULE = "A scoring rule; runs are comparable only if it is equal."
    PORTION = "The cases, equal in comparable runs; each shard of one run has a value of its own."
    DEFINITIONS = "Versions of metric definitions; compared metric by metric."
    RATER = "What was scored; comparable runs differ in it."
    SETTING = "How the run is made; equal for a run to be continued, free in comparable runs."
    CIRCUMSTANCE = "May change while a run is interrupted."
    REFERENCES = "A result that is equal in comparable runs: the references that were scored against."
    RESULT = "Any other result; known only when the run is complete."


class WithRoles(BaseModel):
    """A pydantic model in which each field is declared with exactly one role: ``name: Annotated[str, Role.RULE]``."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_options: Any) -> None:
        """Check the roles when the class is defined.

        Raises:
            TypeError: A field has no role, or several.
        """
        for name, field in cls.model_fields.items():
            count = sum(isinstance(item, Role) for item in field.metadata)
            if count != 1:
                msg = f"field {name} of {cls.__name__} has {count} roles, expected 1: declare it Annotated[..., Role.X]"
                raise TypeError(msg)

    @classmethod
    def fields_with(cls, *roles: Role) -> tuple[str, ...]:
        """Return the names of the fields with one of these roles, in the order of their declaration."""
        return tuple(name for name, field in cls.model_fields.items() if set(roles) & set(_roles(field.metadata)))


def _roles(metadata: list[Any]) -> list[Role]:
    return [item for item in metadata if isinstance(item, Role)]
