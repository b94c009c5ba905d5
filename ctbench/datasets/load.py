"""Load a dataset by its name, and find the folder of its files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ctbench.datasets.build import build
from ctbench.datasets.catalogs import CatalogEntry, Paths, find_entry
from ctbench.datasets.dataset import Dataset
from ctbench.datasets.layout import survey
from ctbench.errors import DatasetError, MissingFileError
from ctbench.files import cache_folder

__all__ = ["dataset_root", "load_dataset", "load_entry"]


def load_dataset(name_or_path: str | os.PathLike[str], *, catalog: Paths | None = None) -> Dataset:
    """Return a dataset by its name; builds it if its entry has a builder. Opens no volume.

    Args:
        name_or_path: A name in ``catalog`` or in the catalogue that comes with ctbench, the path of a YAML file with
            one dataset, or ``FILE.yaml#NAME`` for one of several.
        catalog: One or more YAML files of the user, searched first. None (default): there are none.

    Raises:
        DatasetError: No dataset has that name, its entry or case table is invalid, its root is not set, or a case has
            neither reader nor reference.
        MissingFileError: A file or folder required by the entry or the case table does not exist.
    """
    return load_entry(find_entry(name_or_path, catalog))


def load_entry(found: CatalogEntry) -> Dataset:
    """Return the dataset of a catalogue entry; raises as ``load_dataset``."""
    root = dataset_root(found)
    if found.entry.builder:
        build(found, root)
    elif not root.is_dir():
        msg = f"{found} has its root at {root}, which is not a folder{_access(found)}"
        raise MissingFileError(msg)
    surveyed = survey(found, root)
    fatal = [problem for problem in surveyed.problems if problem.is_fatal]
    if fatal:
        more = f" ({len(fatal) - 1} more problems: see ctbench datasets check)" if len(fatal) > 1 else ""
        raise fatal[0].error(more)
    if not surveyed.cases:
        msg = f"{found} has no cases: nothing in {root} matches its patterns{_access(found)}"
        raise MissingFileError(msg)
    return Dataset(found.name, found.entry, root, surveyed.cases)


def dataset_root(found: CatalogEntry) -> Path:
    """Return the folder of a dataset's files, which need not exist.

    A dataset with a builder and without a root is in the cache folder (``ctbench.files.cache_folder``).

    Raises:
        DatasetError: The entry has no patterns of files, its root contains an environment variable that is not set, or
            it is not a valid path.
    """
    entry = found.entry
    if not entry.has_layout:
        msg = f"{found} is only a description: its entry has no pattern of any file{_access(found)}"
        raise DatasetError(msg)
    if entry.root is None:
        return cache_folder() / "datasets" / found.name if entry.builder else found.file.parent
    for braced, plain in re.findall(r"\$(?:\{(\w+)\}|(\w+))", entry.root):
        variable = braced or plain
        if not os.environ.get(variable):
            msg = (
                f"{found} has its root at {entry.root}, but the environment variable {variable} is not set; "
                f"set it to the folder of your data{_access(found)}"
            )
            raise DatasetError(msg)
    try:
        root = found.file.parent / Path(os.path.expandvars(entry.root)).expanduser()
        root.exists()
    except (OSError, RuntimeError) as error:
        msg = f"{found} has its root at {entry.root[:200]!r}, which no file can be below: {type(error).__name__}"
        raise DatasetError(msg) from error
    return root


def _access(found: CatalogEntry) -> str:
    return f". How to get the files: {found.entry.access}" if found.entry.access else ""
