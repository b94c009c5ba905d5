"""Datasets that are on this machine, by name; nothing is downloaded or built."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from ctbench.datasets import Dataset, catalog, dataset_root, is_built, load_entry
from ctbench.errors import DatasetError, MissingFileError

__all__ = ["is_phantom", "local_dataset", "task_of"]

Catalogs = Sequence[str | PathLike[str]]


def local_dataset(name: str, catalogs: Catalogs = ()) -> Dataset:
    """Load a dataset that is on this machine; a dataset that has not been built yet is not built.

    Args:
        name: Name in a catalogue; never a path, because the run that names it may come from anybody.
        catalogs: Paths of YAML files that are searched before the catalogue of ctbench.

    Raises:
        DataError: The dataset is not on this machine; the message says what to do.
    """
    found = catalog(catalogs).get(name)
    if found is None:
        msg = f"no catalogue here describes {name!r}; give the YAML file that does with --catalog FILE"
        raise DatasetError(msg)
    if found.entry.builder and not is_built(found, dataset_root(found)):
        msg = f"{name} has not been made on this machine; `ctbench datasets check {name}` makes it"
        raise MissingFileError(msg)
    return load_entry(found)


def is_phantom(name: str, catalogs: Catalogs = ()) -> bool:
    """Return whether a catalogue says that a dataset is made by a program, so that others can make its truth again."""
    found = catalog(catalogs).get(name)
    return found is not None and found.entry.builder is not None


def task_of(name: str, catalogs: Catalogs = ()) -> str:
    """Return the task of a dataset from its catalogue entry; empty if no catalogue has the dataset."""
    found = catalog(catalogs).get(name)
    return str(found.entry.task) if found else ""
