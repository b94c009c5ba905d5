"""Whether a predictor is third-party code, and which files belong to it; found without importing it."""

from __future__ import annotations

import importlib.machinery
import shutil
import sys
from pathlib import Path

from ctbench.predictors.command import split_command
from ctbench.predictors.installed import is_ours
from ctbench.predictors.isolation import environment_folders
from ctbench.predictors.resolve import installed_predictors

__all__ = ["is_third_party", "own_files"]


def is_third_party(spec: str) -> bool:
    """Return whether the predictor that ``spec`` names would run third-party code on this machine.

    False for the models that come with ctbench, for folders of predictions, which have no code, for containers, which
    their engine isolates, and for an unknown name.
    """
    if spec.startswith(("folder:", "container:")):
        return False
    if ":" in spec:
        return True
    entry = installed_predictors().get(spec)
    return entry is not None and not is_ours(entry)


def own_files(spec: str, here: Path) -> tuple[Path, ...]:
    """Return the files and folders that belong to a predictor.

    For a module of a package: the package's folder. For a single module or script: the file, and the other modules and
    packages of its folder. For a command: the program with its Python environment, and every word that names a
    file or a folder.

    Args:
        spec: Predictor, as ``load_predictor`` takes it.
        here: Working folder.

    Returns:
        Existing paths; empty if nothing is found, which loading the predictor reports.
    """
    if spec.startswith("command:"):
        return _files_of_command(spec.removeprefix("command:"), here)
    entry = None if ":" in spec else installed_predictors().get(spec)
    module = (entry.value if entry else spec).partition(":")[0]
    return _files_of_module(module.partition(".")[0], here) if entry or ":" in spec else ()


def _files_of_module(name: str, here: Path) -> tuple[Path, ...]:
    found = _installed_module(name) or importlib.machinery.PathFinder.find_spec(name, [str(here)])
    if found is None:
        return ()
    if found.submodule_search_locations is not None:
        return tuple(map(Path, found.submodule_search_locations))
    return _with_neighbours(Path(found.origin)) if found.has_location and found.origin else ()


def _installed_module(name: str) -> importlib.machinery.ModuleSpec | None:
    """Find a module as a new process would; a module of that name that this one has imported may be another one."""
    found = (finder.find_spec(name, None) for finder in sys.meta_path)
    return next((spec for spec in found if spec is not None), None)


def _files_of_command(command: str, here: Path) -> tuple[Path, ...]:
    words = split_command(command)
    program = shutil.which(words[0])
    found: tuple[Path, ...] = (Path(program).absolute(),) if program else ()
    # Both `weights.pt` and `--weights=weights.pt` name a file.
    for path in (here / part for word in words for part in {word, word.rpartition("=")[2]} if part):
        if path.exists():
            found += _with_neighbours(path) if path.suffix == ".py" else (path,)
    environments = tuple(folder for path in found for folder in environment_folders(path))
    return found + tuple(path.resolve() for path in found if path.is_symlink()) + environments


def _with_neighbours(module: Path) -> tuple[Path, ...]:
    packages = (path.parent for path in module.parent.glob("*/__init__.py"))
    return (module, *module.parent.glob("*.py"), *packages)
