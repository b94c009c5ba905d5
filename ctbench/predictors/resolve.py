"""Find and load a predictor in this process: entry point, `module:attribute`, scheme, command, container, folder."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path, PurePosixPath
from typing import Any

from ctbench.errors import CtbenchError, PluginError, PluginNotFoundError, UsageError
from ctbench.extras import missing_extra
from ctbench.predictors.command import CommandPredictor
from ctbench.predictors.container import ContainerPredictor
from ctbench.predictors.contract import check_predictor
from ctbench.predictors.folder import FolderPredictions
from ctbench.predictors.installed import installed
from ctbench.predictors.isolation import Isolation
from ctbench.predictors.predictor import Predictor
from ctbench.predictors.schemes import find_scheme, installed_schemes
from ctbench.suggestions import suggestion

__all__ = ["GROUP", "installed_predictors", "load_predictor"]

GROUP = "ctbench.predictors"
"""Entry-point group of predictors."""


def installed_predictors() -> dict[str, EntryPoint]:
    """Return the entry points of all installed predictors by name, sorted; nothing is imported.

    Raises:
        PluginError: Two packages define the same name; the message names both.
    """
    return installed(GROUP, "predictor")


def load_predictor(
    spec: str, options: Mapping[str, Any] | None = None, isolation: Isolation | None = None, here: Path | None = None
) -> Predictor | FolderPredictions:
    """Create the predictor that ``spec`` names in this process, without a sandbox (see `open_predictor`).

    Args:
        spec: Name of an entry point, ``module:attribute`` (the working folder is searched last),
            ``command:"program {image} {output}"``, ``container:IMAGE``, ``scheme:PATH`` with a name of
            `installed_schemes` such as ``onnx``, or ``folder:PATH`` for predictions made elsewhere.
        options: Keyword arguments of the entry point's, attribute's or scheme's callable, of `CommandPredictor` or of
            `ContainerPredictor`.
        isolation: Mounts and limits of commands and containers.
        here: Working folder; None: the current one.

    Raises:
        PluginNotFoundError: No predictor has that name; the message suggests similar names.
        UsageError: The callable does not accept these options.
        PluginError: The module or the callable raised an exception.
        ContractError: The callable did not return a predictor.
    """
    options, kept, here = dict(options or {}), isolation or Isolation(), here or Path.cwd()
    if spec.startswith("folder:"):
        if options:
            msg = f"predictions of a folder take no options, got {', '.join(options)}"
            raise UsageError(msg)
        return FolderPredictions(here / spec.removeprefix("folder:"))
    if spec.startswith("container:"):
        image = spec.removeprefix("container:")
        mounts = (*((path, PurePosixPath(path.absolute())) for path in kept.mounts), *kept.placed)
        factory: Callable[..., object] = partial(
            ContainerPredictor, image, limits=kept.limits, mounts=mounts, environment=kept.environment, here=here
        )
    elif spec.startswith("command:"):
        factory = partial(CommandPredictor, spec.removeprefix("command:"), limits=kept.limits, here=here)
    elif scheme := find_scheme(spec):
        factory = partial(_import(spec, scheme.entry.load), here / scheme.path)
    else:
        factory = _attribute(spec, here) if ":" in spec else _entry(spec)
    _check_options(factory, options, spec)
    try:
        predictor = factory(**options)
    except CtbenchError:
        raise
    except Exception as error:
        if missing := missing_extra(error, f"predictor {spec}"):
            raise missing from error
        msg = f"predictor {spec!r} could not be made: {type(error).__name__}: {error}"
        raise PluginError(msg) from error
    return check_predictor(predictor, spec)


def _entry(name: str) -> Callable[..., object]:
    known = installed_predictors()
    if name not in known:
        hint = suggestion(name, known, otherwise="installed:", most=3)
        schemes = "".join(f"{scheme}:PATH, " for scheme in installed_schemes())
        others = f"module:attribute, command:..., container:IMAGE, {schemes}or folder:PATH"
        msg = f"no predictor is called {name!r}; {hint}{'' if hint.endswith('?') else '.'} Or use {others}"
        raise PluginNotFoundError(msg)
    return _import(name, known[name].load)


def _attribute(spec: str, here: Path) -> Callable[..., object]:
    module_name, _, attribute = spec.partition(":")
    if str(here) not in sys.path:
        # Last: a stranger's numpy.py beside the module must not replace the package in what ctbench imports later.
        sys.path.append(str(here))

    def load() -> object:
        module = importlib.import_module(module_name)
        found: object = module
        for part in attribute.split("."):
            if not hasattr(found, part):
                msg = f"{getattr(module, '__file__', None) or module_name} has no {attribute}"
                raise AttributeError(msg)
            found = getattr(found, part)
        return found

    return _import(spec, load)


def _import(spec: str, load: Callable[[], object]) -> Callable[..., object]:
    try:
        factory = load()
    except (ImportError, AttributeError, ValueError) as error:
        if missing := missing_extra(error, f"predictor {spec}"):
            raise missing from error
        msg = f"predictor {spec!r} cannot be imported: {error}; expected module:attribute of an importable module"
        raise PluginNotFoundError(msg) from error
    except Exception as error:
        msg = f"importing predictor {spec!r} failed: {type(error).__name__}: {error}"
        raise PluginError(msg) from error
    if not callable(factory):
        msg = f"{spec!r} is {type(factory).__name__}; expected a class or function that returns a predictor"
        raise UsageError(msg)
    return factory


def _check_options(factory: Callable[..., object], options: Mapping[str, Any], spec: str) -> None:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # some compiled callables have no signature; then the call itself raises
        return
    try:
        signature.bind(**options)
    except TypeError as error:
        names = ", ".join(signature.parameters) or "none"
        msg = f"predictor {spec!r} cannot be made with options {sorted(options)}: {error}; it takes: {names}"
        raise UsageError(msg) from error
