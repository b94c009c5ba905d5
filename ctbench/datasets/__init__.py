"""Datasets: catalogues, cases, counts, checks of their files, and published results.

Functions that return tables import pandas when they are called: processes that only predict do without it.
"""

from __future__ import annotations

from ctbench.datasets.build import is_built
from ctbench.datasets.case import Case, LabelMaps
from ctbench.datasets.catalogs import CatalogEntry, catalog, find_entry, find_named
from ctbench.datasets.checks import check, problem_table
from ctbench.datasets.counting import (
    ALL_SIZES,
    SIZE_CLASSES,
    counts,
    first_label_map,
    label_volumes,
    size_class,
    size_table,
)
from ctbench.datasets.dataset import Dataset, fingerprint_of
from ctbench.datasets.entry import Entry
from ctbench.datasets.layout import Problem
from ctbench.datasets.load import dataset_root, load_dataset, load_entry
from ctbench.datasets.papers import published

__all__ = [
    "ALL_SIZES",
    "SIZE_CLASSES",
    "Case",
    "CatalogEntry",
    "Dataset",
    "Entry",
    "LabelMaps",
    "Problem",
    "catalog",
    "check",
    "counts",
    "dataset_root",
    "find_entry",
    "find_named",
    "fingerprint_of",
    "first_label_map",
    "is_built",
    "label_volumes",
    "load_dataset",
    "load_entry",
    "problem_table",
    "published",
    "size_class",
    "size_table",
]
