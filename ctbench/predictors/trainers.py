"""Find a model's training function and its import of other programs' weights, by entry point."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from ctbench.errors import PluginNotFoundError

__all__ = ["IMPORTERS", "TRAINERS", "load_importer", "load_trainer"]

TRAINERS = "ctbench.trainers"
"""Entry-point group of training functions: called with (dataset, training cases, validation cases, folder, **settings),
they return the path of the weights."""

IMPORTERS = "ctbench.weight_imports"
"""Entry-point group of functions that convert weights: called with (source file, output file, labels)."""


def load_trainer(model: str) -> Callable[..., Any]:
    """Return the training function of a model.

    Raises:
        PluginNotFoundError: No model of that name can be trained; the message suggests similar names.
    """
    return _loaded(TRAINERS, model, "that can be trained")


def load_importer(model: str) -> Callable[..., Any]:
    """Return the function that converts another program's weights for a model.

    Raises:
        PluginNotFoundError: No model of that name can import weights; the message suggests similar names.
    """
    return _loaded(IMPORTERS, model, "that can import weights")


def _loaded(group: str, model: str, what: str) -> Callable[..., Any]:
    known = {entry.name: entry for entry in entry_points(group=group)}
    if model not in known:
        near = difflib.get_close_matches(model, known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(known)) or 'none'}"
        msg = f"no model {what} is called {model!r}; {hint}"
        raise PluginNotFoundError(msg)
    loaded: Callable[..., Any] = known[model].load()
    return loaded
