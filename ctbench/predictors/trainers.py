"""Find a model's training function and its import of other programs' weights, by entry point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ctbench.errors import PluginNotFoundError, UsageError
from ctbench.predictors.installed import installed, is_ours
from ctbench.suggestions import suggestion

__all__ = ["IMPORTERS", "TRAINERS", "load_importer", "load_trainer"]

TRAINERS = "ctbench.trainers"
"""Entry-point group of training functions: called with (dataset, training cases, validation cases, folder, **settings),
they return the path of the weights."""

IMPORTERS = "ctbench.weight_imports"
"""Entry-point group of functions that convert weights: called with (source file, output file, labels)."""


def load_trainer(model: str, *, trust: bool = False) -> Callable[..., Any]:
    """Return the training function of a model.

    Args:
        model: Name of its entry point.
        trust: Whether code of other packages than ctbench may run in this process. Default False: training needs the
            readers' masks and writes files, so that no sandbox could hide from it what it must not change.

    Raises:
        PluginNotFoundError: No model of that name can be trained; the message suggests similar names.
        UsageError: Another package defines it, and it is not trusted.
        PluginError: Two packages define it.
    """
    return _loaded(TRAINERS, "trainer", model, "that can be trained", trust=trust)


def load_importer(model: str, *, trust: bool = False) -> Callable[..., Any]:
    """Return the function that converts another program's weights; arguments and errors as for `load_trainer`."""
    return _loaded(IMPORTERS, "import of weights", model, "that can import weights", trust=trust)


def _loaded(group: str, kind: str, model: str, what: str, *, trust: bool) -> Callable[..., Any]:
    known = installed(group, kind)
    if model not in known:
        msg = f"no model {what} is called {model!r}; {suggestion(model, sorted(known), most=3)}"
        raise PluginNotFoundError(msg)
    entry = known[model]
    if not trust and not is_ours(entry):
        whose = f"the package {entry.dist.name}" if entry.dist else "another package"
        msg = (
            f"the {kind} of {model!r} is code of {whose} ({entry.value}), which would run with your rights and without "
            "a sandbox; use --trust if you trust that package"
        )
        raise UsageError(msg)
    loaded: Callable[..., Any] = entry.load()
    return loaded
