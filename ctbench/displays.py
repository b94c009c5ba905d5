"""Displays of objects: one line at the prompt, a small table or a figure in a notebook."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Protocol

from ctbench.printable import printable

__all__ = ["Displayed", "Picture", "drawn_by", "names_in_short"]

_MOST_NAMES = 4


class Displayed:
    """An object that shows a few facts about itself, instead of all that it holds.

    A class derives from it and defines ``_facts``; a dataclass is made with ``repr=False``.
    """

    __slots__ = ()

    def _facts(self) -> Mapping[str, object]:
        """Return name -> value of what is shown; an empty value is left out."""
        raise NotImplementedError

    def _shown(self) -> dict[str, str]:
        return {name: text for name, value in self._facts().items() if (text := printable(str(value)))}

    def __repr__(self) -> str:
        """Return the facts on one line."""
        return f"{type(self).__name__}({', '.join(f'{name}: {text}' for name, text in self._shown().items())})"

    def _repr_html_(self) -> str:
        """Return the facts as a table, for notebooks."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(text)}</td></tr>"
            for name, text in self._shown().items()
        )
        return f"<table><caption>{escape(type(self).__name__)}</caption>{rows}</table>"


class Picture(Protocol):
    """What a notebook displays as HTML."""

    def _repr_html_(self) -> str: ...


def drawn_by(name: str, *arguments: object, **options: object) -> Any:
    """Return what a function of ``ctbench.report.notebook`` draws.

    Objects below the report draw themselves by this name: the drawing engine is imported when something is drawn.

    Args:
        name: Name of the function.
        arguments: Its arguments.
        options: Its keyword arguments.
    """
    return getattr(importlib.import_module("ctbench.report.notebook"), name)(*arguments, **options)


def names_in_short(names: Sequence[object]) -> str:
    """Return how many names there are, and the first of them.

    >>> names_in_short(["ann", "ben"])
    '2 (ann, ben)'
    >>> names_in_short(range(11))
    '11 (0, 1, 2, 3, ...)'
    """
    if not names:
        return "0"
    listed = [*map(str, names[:_MOST_NAMES]), *(["..."] if len(names) > _MOST_NAMES else [])]
    return f"{len(names)} ({', '.join(listed)})"
