"""Counts of a dataset: cases by split, reader and subgroup; hemorrhages by type and size class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ctbench.datasets.case import Case
from ctbench.datasets.dataset import Dataset
from ctbench.volume import Volume

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ALL_SIZES", "SIZE_CLASSES", "counts", "first_label_map", "label_volumes", "size_class", "size_table"]

SIZE_CLASSES = ("large", "medium", "small", "punctate")
"""Volume of a type in a case: > 25 mL, 5 to 25 mL, 0.01 to 5 mL, < 0.01 mL (Chang et al. 2018, Table 1)."""

ALL_SIZES = "all"
"""The size class of all lesions together."""


def counts(dataset: Dataset) -> pd.DataFrame:
    """Count the cases of a dataset without opening a file.

    Returns:
        Columns ``by`` (``all``, ``split``, ``reader``, ``reference``, ``not_assessed``, or the name of a subgroup),
        ``value`` and ``cases``, in that order of ``by``; values are sorted.
    """
    import pandas as pd

    counted: Counter[tuple[str, str]] = Counter()
    for case in dataset:
        counted.update(_memberships(case))
    order = {by: rank for rank, by in enumerate(("all", "split", "reader", "reference", "not_assessed"))}
    rows = sorted(counted.items(), key=lambda item: (order.get(item[0][0], len(order)), item[0]))
    return pd.DataFrame([(by, value, cases) for (by, value), cases in rows], columns=["by", "value", "cases"])


def first_label_map(case: Case) -> Volume | None:
    """Return a case's released mask, else the label map of its first reader, else None."""
    return case.reference() or (case.reader(case.readers[0]) if case.readers else None)


def label_volumes(dataset: Dataset, label_map: Callable[[Case], Volume | None] = first_label_map) -> pd.DataFrame:
    """Return the volume of each label in each case.

    Args:
        dataset: The dataset; its cases are read one after the other.
        label_map: Function that returns the label map of a case to measure, e.g. a consensus of the readers; None to
            omit the case.

    Returns:
        Columns ``case``, ``split`` (empty if unknown), ``label``, ``volume_ml`` (0 if the label does not occur).
    """
    import pandas as pd

    rows = []
    for case in dataset:
        volume = label_map(case)
        if volume is not None:
            codes, voxels = np.unique(volume.array, return_counts=True)
            found = dict(zip(codes.tolist(), (voxels * volume.voxel_ml).tolist(), strict=True))
            rows += [(case.id, case.split or "", name, found.get(code, 0.0)) for name, code in dataset.labels.items()]
    return pd.DataFrame(rows, columns=["case", "split", "label", "volume_ml"])


def size_class(volume_ml: float) -> str | None:
    """Return the size class of a hemorrhage; None if the volume is 0.

    The paper's classes overlap at their limits; here a limit belongs to the larger class, except that 25 mL is medium.

    >>> [size_class(volume) for volume in (0.0, 0.009, 0.01, 5.0, 25.0, 25.1)]
    [None, 'punctate', 'small', 'medium', 'medium', 'large']
    """
    if volume_ml <= 0:
        return None
    if volume_ml > 25:
        return "large"
    if volume_ml >= 5:
        return "medium"
    return "small" if volume_ml >= 0.01 else "punctate"


def size_table(volumes: pd.DataFrame) -> pd.DataFrame:
    """Count cases by type and size class, as in Table 1 of Chang et al. 2018.

    Args:
        volumes: Columns ``split``, ``label`` and ``volume_ml``, as ``label_volumes`` returns them.

    Returns:
        Columns ``label``, ``split``, ``size`` (``SIZE_CLASSES``, then ``total``), ``cases`` (0 for classes without a
        case); labels are in the order of ``volumes``.
    """
    import pandas as pd

    sized = volumes.assign(size=volumes["volume_ml"].map(size_class))
    rows = []
    for (label, split), group in sized.groupby(["label", "split"], sort=False):
        by_size = group["size"].value_counts()
        rows += [(label, split, size, int(by_size.get(size, 0))) for size in SIZE_CLASSES]
        rows.append((label, split, "total", int(by_size.sum())))
    return pd.DataFrame(rows, columns=["label", "split", "size", "cases"])


def _memberships(case: Case) -> list[tuple[str, str]]:
    return [
        ("all", ""),
        *([("split", case.split)] if case.split else []),
        *(("reader", name) for name in case.readers),
        *([("reference", "")] if case.reference_path else []),
        *(("not_assessed", label) for label in case.not_assessed),
        *((by, value) for by, value in case.subgroups.items() if value),
    ]
