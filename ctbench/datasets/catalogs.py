"""Dataset catalogues: YAML files of users, and the one that comes with ctbench."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ctbench.datasets.entry import AnnotatedColumn, Entry
from ctbench.datasets.patterns import is_dataset_name
from ctbench.datasets.yamlfile import read_yaml
from ctbench.errors import CtbenchError, DatasetError
from ctbench.suggestions import suggestion

__all__ = ["CatalogEntry", "builtin_catalog", "catalog", "find_entry", "find_named", "read_catalog"]

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@dataclass(frozen=True)
class CatalogEntry:
    """A catalogue entry with its name and its file."""

    name: str
    file: Path
    entry: Entry

    def __str__(self) -> str:
        return f"dataset {self.name!r} in {self.file}"


def builtin_catalog() -> Path:
    """Return the path of ctbench's own ``datasets.yaml``: in the package, or beside it in a checkout."""
    package = Path(str(resources.files("ctbench")))
    candidates = (package / "datasets.yaml", package.parent / "datasets.yaml")
    return next((path for path in candidates if path.is_file()), candidates[0])


def catalog(paths: Paths | None = None) -> dict[str, CatalogEntry]:
    """Return the datasets by name: those of the users' catalogues, then those that come with ctbench.

    Of entries with the same name the first is used: a user's entry replaces ours.

    Args:
        paths: The users' YAML files; None (default): only the catalogue that comes with ctbench.

    Raises:
        MissingFileError, DatasetError: A file does not exist or is invalid.
    """
    entries: dict[str, CatalogEntry] = {}
    for path in (*_paths(paths), builtin_catalog()):
        for found in read_catalog(path).values():
            entries.setdefault(found.name, found)
    return entries


def find_entry(name_or_path: str | os.PathLike[str], paths: Paths | None = None) -> CatalogEntry:
    """Return the entry of a dataset.

    Args:
        name_or_path: A name, the path of a YAML file with one dataset, or ``FILE.yaml#NAME``.
        paths: The users' YAML files, in which a name is looked up first.

    Raises:
        MissingFileError: The file does not exist.
        DatasetError: No dataset has that name (the message suggests similar names), or the file holds several.
    """
    text = os.fspath(name_or_path)
    path, _, name = text.partition("#")
    if Path(path).suffix.lower() not in (".yaml", ".yml"):
        return find_named(text, paths)
    entries = read_catalog(Path(path))
    if name:
        return _named(name, entries, f" in {path}")
    if len(entries) != 1:
        msg = f"{path} describes {len(entries)} datasets ({', '.join(entries)}); name one of them as {path}#NAME"
        raise DatasetError(msg)
    return next(iter(entries.values()))


def find_named(name: str, paths: Paths | None = None) -> CatalogEntry:
    """Return the entry of a dataset by its name only; a name that a stranger's file holds is never opened as a path.

    Args:
        name: A name in one of the catalogues.
        paths: The users' YAML files, in which the name is looked up first.

    Raises:
        DatasetError: No dataset has that name; the message suggests similar names.
    """
    return _named(name, catalog(paths), "")


def read_catalog(path: Path) -> dict[str, CatalogEntry]:
    """Read a catalogue file; return its entries by name. Cached until the file changes.

    Raises:
        MissingFileError: The file does not exist.
        DatasetError: An entry is invalid; the message contains file, dataset and key, and suggests a known key.
    """
    try:
        written = path.read_bytes()
    except OSError:
        written = b""  # reading it again below raises the right error
    return dict(_read(path, path.absolute(), written))


@lru_cache(maxsize=8)
def _read(path: Path, absolute: Path, _written: bytes) -> dict[str, CatalogEntry]:
    content = read_yaml(path)
    if not isinstance(content, dict) or not content:
        msg = f"{path} is not a catalogue: expected names of datasets, each with its entry below it"
        raise DatasetError(msg)
    return {name: CatalogEntry(name, absolute, _entry(name, path, raw)) for name, raw in content.items()}


def _entry(name: Any, path: Path, raw: Any) -> Entry:
    where = f"dataset {name!r} in {path}"
    if not isinstance(raw, dict):
        hint = "; put the name of the dataset above its fields" if name in Entry.model_fields else ""
        msg = f"{path}: expected the entry of a dataset below {name!r}, got {raw!r}{hint}"
        raise DatasetError(msg)
    if not is_dataset_name(name):
        msg = f"{where}: the name of a dataset must be letters, digits, '-', '_' and '.', without .yaml at its end"
        raise DatasetError(msg)
    try:
        return Entry.model_validate(raw)
    except ValidationError as error:
        msg = f"{where}: {_sentence(error.errors(include_url=False), raw)}"
        raise DatasetError(msg) from error
    except CtbenchError as error:
        msg = f"{where}: {error}"
        raise DatasetError(msg) from error


def _sentence(problems: list[ErrorDetails], raw: Mapping[str, Any]) -> str:
    """Return one sentence about the validation errors: an unknown key first, because it often causes the others."""
    problem = min(problems, key=lambda one: one["type"] != "extra_forbidden")
    key = str(problem["loc"][-1]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        model = AnnotatedColumn if problem["loc"][0] == "annotated" else Entry
        return f"unknown key {key!r}; {suggestion(key, model.model_fields)}"
    if problem["type"] == "missing":
        return f"the key {key!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    # loc may hold the member of a union between field and key.
    field = str(problem["loc"][0])
    inner = raw.get(field)
    place = f"{field}.{key}" if isinstance(inner, dict) and key in inner else field
    got = "" if problem["type"] == "value_error" else f", got {problem['input']!r}"
    return f"{place}: {message[0].lower()}{message[1:]}{got}"


def _named(name: str, entries: Mapping[str, CatalogEntry], where: str) -> CatalogEntry:
    if name in entries:
        return entries[name]
    msg = f"no dataset has the name {name!r}{where}; {suggestion(name, entries, most=3)}"
    raise DatasetError(msg)


def _paths(paths: Paths | None) -> tuple[Path, ...]:
    if paths is None:
        return ()
    return (Path(paths),) if isinstance(paths, (str, os.PathLike)) else tuple(Path(path) for path in paths)
