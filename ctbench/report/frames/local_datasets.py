"""Datasets as far as they are on this machine: pages show cases and subgroups where they are, and do without else."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from ctbench.datasets import Dataset, catalog, dataset_root, is_built, load_dataset
from ctbench.errors import DatasetError, MissingFileError

__all__ = ["local_dataset", "task_of"]

Catalogs = Sequence[str | PathLike[str]]


def local_dataset(name: str, catalogs: Catalogs = ()) -> Dataset:
    """Load a dataset that is on this machine already; one that would first have to make itself is not made.

    Args:
        name: in a catalogue; never a path, since a run may come from anybody.
        catalogs: YAML files that are looked up before the catalogue that comes with ctbench.

    Raises:
        DataError: it is not here; the message says what to do.
    """
    found = catalog(catalogs).get(name)
    if found is None:
        msg = f"no catalogue here describes {name!r}; give the YAML file that does with --catalog FILE"
        raise DatasetError(msg)
    if found.entry.builder and not is_built(found, dataset_root(found)):
        msg = f"{name} has not been made on this machine; `ctbench datasets check {name}` makes it"
        raise MissingFileError(msg)
    return load_dataset(name, catalog=catalogs)


def task_of(name: str, catalogs: Catalogs = ()) -> str:
    """Give the task of a dataset, as its catalogue entry says; empty where no catalogue knows it."""
    found = catalog(catalogs).get(name)
    return str(found.entry.task) if found else ""
