"""Datasets written by a builder function: build once, and again if the builder or its options change."""

from __future__ import annotations

import importlib
import inspect
import json
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ctbench.datasets.catalogs import CatalogEntry
from ctbench.errors import DatasetError, StoreError
from ctbench.files import write_text

__all__ = ["BUILDERS", "MARK", "build", "is_built"]

BUILDERS = "ctbench.builders"
"""Entry-point group of builders that other installed packages define."""

_OURS = ("ctbench.phantom:build_anatomy", "ctbench.phantom:build_hemorrhage", "ctbench.phantom:build_repeats")

MARK = ".ctbench-built.json"
"""File in a built dataset's folder with its builder and options; written last."""


def is_built(found: CatalogEntry, folder: Path) -> bool:
    """Return whether ``folder`` holds this dataset, complete and from the current builder and options."""
    try:
        return bool(json.loads((folder / MARK).read_text(encoding="utf-8")) == _mark(found))
    except (OSError, ValueError, RecursionError):
        return False


def build(found: CatalogEntry, folder: Path) -> None:
    """Build the dataset in ``folder`` and replace an outdated one; do nothing if it is up to date.

    The builder writes into a temporary folder that is renamed at the end, so that ``folder`` is never incomplete.

    Args:
        found: The catalogue entry, which names the builder and its options.
        folder: Where the dataset goes; created if needed.

    Raises:
        DatasetError: The builder is not an installed one or does not take the options, or ``folder`` holds other files.
        StoreError: The folder cannot be written.
    """
    if is_built(found, folder):
        return
    builder = _builder(found)
    mark = _mark(found)
    _expect_ours(found, folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    except OSError as error:
        msg = f"cannot make {found.name!r} in {folder}: {error.strerror}; set CTBENCH_CACHE to another"
        raise StoreError(msg) from error
    made = aside / folder.name  # same name as the final folder, because a builder may show it
    try:
        made.mkdir()
        builder(made, **found.entry.builder_options)
        write_text(made / MARK, json.dumps(mark, indent=2, sort_keys=True) + "\n")
        if folder.exists():
            folder.rename(aside / "old")
        _put(made, folder, found)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _put(made: Path, folder: Path, found: CatalogEntry) -> None:
    try:
        made.rename(folder)
    except OSError:
        # Another process built the same dataset first.
        if not is_built(found, folder):
            raise


def _expect_ours(found: CatalogEntry, folder: Path) -> None:
    if folder.exists() and not (folder / MARK).is_file() and any(folder.iterdir()):
        msg = f"{found} would be built in {folder}, which holds other files; set its root to an empty folder"
        raise DatasetError(msg)


def _module(found: CatalogEntry) -> Any:
    """Import the builder's module.

    The YAML may come from a stranger, so that its text only chooses among the builders of ctbench and of installed
    packages: ``os:system`` is a function of a module, but no builder.
    """
    known = [*_OURS, *(f"{entry.module}:{entry.attr}" for entry in entry_points(group=BUILDERS))]
    if found.entry.builder not in known:
        msg = (
            f"{found}: {found.entry.builder} is not an installed builder; known: {', '.join(known)}. "
            f"A package adds one by an entry point of the group {BUILDERS}"
        )
        raise DatasetError(msg)
    name = str(found.entry.builder).partition(":")[0]
    try:
        return importlib.import_module(name)
    except ImportError as error:
        msg = f"{found}: its builder's module {name!r} cannot be imported: {error}"
        raise DatasetError(msg) from error


def _builder(found: CatalogEntry) -> Callable[..., None]:
    module, name = _module(found), str(found.entry.builder).partition(":")[2]
    builder = getattr(module, name, None)
    if not callable(builder):
        msg = f"{found}: its builder's module {module.__name__!r} has no function {name!r}"
        raise DatasetError(msg)
    try:
        inspect.signature(builder).bind(Path(), **found.entry.builder_options)
    except TypeError as error:
        msg = f"{found}: builder_options do not fit {found.entry.builder}: {error}"
        raise DatasetError(msg) from error
    return builder  # type: ignore[no-any-return]  # checked to be callable


def _mark(found: CatalogEntry) -> dict[str, Any]:
    """Return builder, options and format; a builder's module increments its ``FORMAT`` when its output changes."""
    mark = {
        "builder": found.entry.builder,
        "options": found.entry.builder_options,
        "format": getattr(_module(found), "FORMAT", 0),
    }
    try:
        return dict(json.loads(json.dumps(mark)))
    except TypeError as error:
        msg = f"{found}: builder_options must be numbers, text, lists and mappings: {error}"
        raise DatasetError(msg) from error
