"""Whether a predictor is third-party code, and which files belong to it; found without importing it."""

from __future__ import annotations

import importlib.machinery
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ctbench.errors import UsageError
from ctbench.predictors.command import split_command
from ctbench.predictors.installed import is_ours
from ctbench.predictors.isolation import environment_folders
from ctbench.predictors.resolve import installed_predictors
from ctbench.predictors.schemes import find_scheme

__all__ = ["expect_no_links_out", "is_third_party", "option_files", "own_files", "package_lists"]

_PACKAGE_LISTS = (
    *("pyvenv.cfg", "conda-meta/*.json", "lib/python*/site-packages/*.dist-info/RECORD"),
    *("lib/python*/site-packages/*.pth", "lib/python*/site-packages/*.egg-link"),
)
"""Files of a Python environment that say which packages are installed in it, and most with digests of their files."""

_FIRST_LINE = 4096

_WITHOUT_OWN_CODE = ("folder:", "container:")


def is_third_party(spec: str) -> bool:
    """Return whether the predictor that ``spec`` names would run third-party code on this machine.

    False for the models that come with ctbench, for folders of predictions, which have no code, for containers, which
    their engine isolates, and for an unknown name.
    """
    if spec.startswith(_WITHOUT_OWN_CODE):
        return False
    if ":" in spec:
        return True
    entry = installed_predictors().get(spec)
    return entry is not None and not is_ours(entry)


def own_files(spec: str, here: Path, *, environment: bool = True) -> tuple[Path, ...]:
    """Return the files and folders that belong to a predictor.

    For a module of a package: the package's folder. For a single module or script: the file, and the other modules and
    packages of its folder. For a command: the program with its Python environment, and every word that names a
    file or a folder. For a scheme: the file or folder of its path, and the scheme's package.

    Args:
        spec: Predictor, as ``load_predictor`` takes it.
        here: Working folder.
        environment: Whether the folders of a command's Python environment are among them. Default True.

    Returns:
        Existing paths; empty for a folder of predictions and a container, and if nothing is found, which loading the
        predictor reports.
    """
    if spec.startswith(_WITHOUT_OWN_CODE):
        return ()
    if spec.startswith("command:"):
        named = _files_of_command(spec.removeprefix("command:"), here)
        return named + (_environment_of(named) if environment else ())
    if scheme := find_scheme(spec):
        return (*scheme.files(here), *_files_of_module(scheme.entry.module.partition(".")[0], here))
    entry = None if ":" in spec else installed_predictors().get(spec)
    module = (entry.value if entry else spec).partition(":")[0]
    return _files_of_module(module.partition(".")[0], here) if entry or ":" in spec else ()


def option_files(options: Mapping[str, Any], here: Path) -> tuple[Path, ...]:
    """Return the files and folders that values of options name, which the predictor may therefore read.

    A folder counts if its name is written as a path, with a slash: ``-o mode=data`` shows no folder ``data``.

    Args:
        options: Keyword arguments of the predictor; ``labels`` is read by ctbench itself.
        here: Working folder, from which relative paths start.
    """
    found = []
    for value in (value for name, value in options.items() if name != "labels"):
        path = here / value if isinstance(value, str) else None
        if path and _is_there(path) and (path.is_file() or (os.sep in value and path.is_dir())):
            found.append(path)
    return tuple(found)


def package_lists(spec: str, here: Path) -> dict[str, Path]:
    """Return the files that list the packages installed in a command's Python environment.

    They change with every package that is installed, updated or removed, and can be read in a moment, while the
    packages may be gigabytes.

    Args:
        spec: Predictor, as ``load_predictor`` takes it.
        here: Working folder.

    Returns:
        Name within the environment -> file; empty for predictors that are no commands.
    """
    if not spec.startswith("command:"):
        return {}
    prefixes = {folder.parent for folder in _environment_of(_files_of_command(spec.removeprefix("command:"), here))}
    found = ((prefix, path) for prefix in prefixes for one in _PACKAGE_LISTS for path in prefix.glob(one))
    return {f"{prefix.name}/{path.relative_to(prefix)}": path for prefix, path in sorted(found)}


def expect_no_links_out(own: Sequence[Path], mounts: Iterable[Path], here: Path) -> None:
    """Check that no link leads from a predictor's own files to outside of its folder.

    Args:
        own: The files and folders, as `own_files` returns them.
        mounts: Files and folders that it may read besides.
        here: Working folder.

    Raises:
        UsageError: One is such a link, and leads to none of ``mounts``; the message names it.
    """
    allowed = [path.resolve() for path in mounts]
    allowed += [path.resolve() for path in own if not path.is_symlink() and not _leads_out(path, here)]
    for path in own:
        target = path.resolve()
        if _leads_out(path, here) and not any(target.is_relative_to(place) for place in allowed):
            msg = (
                f"{path} is a link out of its folder, to {target}; a predictor reads its own folder only: put the file "
                f"itself there, or use --mount {target} if it may read that"
            )
            raise UsageError(msg)


def _leads_out(path: Path, folder: Path) -> bool:
    """Return whether a path in a folder leads out of it, by any link on its way.

    A path that lies elsewhere leads out if it is itself a link to outside of the folder in which it lies.
    """
    base, target = folder.resolve(), path.resolve()
    if path.is_relative_to(folder) or path.is_relative_to(base):
        return not target.is_relative_to(base)
    return path.is_symlink() and not target.is_relative_to(path.parent.resolve())


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
    """Return the program and the files that the words of a command name, and where their links lead in ``here``."""
    words = split_command(command)
    program = shutil.which(words[0])
    found: tuple[Path, ...] = (Path(program).absolute(),) if program else ()
    if program and not found[0].is_relative_to(here):  # on the user's path, where links are the user's
        found += (found[0].resolve(),)
    # Both `weights.pt` and `--weights=weights.pt` name a file.
    for path in (here / part for word in words for part in {word, word.rpartition("=")[2]} if part):
        if _is_there(path):
            found += _with_neighbours(path) if path.suffix == ".py" else (path,)
    targets = (path.resolve() for path in found if path.is_symlink())
    base = here.resolve()
    return found + tuple(here / one.relative_to(base) for one in targets if one.is_relative_to(base))


def _is_there(path: Path) -> bool:
    """Return whether there is a file, folder or link; False also for a text that is too long for a path."""
    try:
        path.lstat()
    except (OSError, ValueError):
        return False
    return True


def _interpreter_of(script: Path) -> tuple[Path, ...]:
    """Return the interpreter that the first line of a script names; empty for other files."""
    try:
        with script.open("rb") as file:
            line = file.readline(_FIRST_LINE)
    except OSError:
        return ()
    words = line[2:].decode(errors="replace").split() if line.startswith(b"#!") else []
    named = words[1] if len(words) > 1 and Path(words[0]).name == "env" else "".join(words[:1])
    program = shutil.which(named) if named else None
    return (Path(program).absolute(),) if program else ()


def _environment_of(files: Iterable[Path]) -> tuple[Path, ...]:
    programs = (program for path in files for program in (path, *_interpreter_of(path)))
    return tuple(dict.fromkeys(folder for program in programs for folder in environment_folders(program)))


def _with_neighbours(module: Path) -> tuple[Path, ...]:
    packages = (path.parent for path in module.parent.glob("*/__init__.py"))
    beside = (path for path in (*module.parent.glob("*.py"), *packages) if not _leads_out(path, module.parent))
    return (module, *beside)
