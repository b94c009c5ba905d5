"""Type, size class and combination of types of each case's hemorrhage, from case table or reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ctbench.datasets import SIZE_CLASSES, Dataset, size_class
from ctbench.report.frames.case_calls import STRATA, any_finding
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.subgroups import subgroup_table

__all__ = ["Strata", "bleed_of", "combinations", "reference_volumes", "sizes_first", "strata"]


@dataclass(frozen=True)
class Strata:
    """Type and size class of the positive cases.

    Args:
        frame: A row for each case, by its id: columns ``type``, ``size_class`` and ``volume_ml``; null for negatives.
        derived: Those of the columns that no case table has, and that follow from the reference's volumes.
    """

    frame: pd.DataFrame
    derived: tuple[str, ...]

    @property
    def rule(self) -> str:
        """A sentence: where type and size class come from."""
        said = {
            "type": "the type is the label with the largest volume in the reference",
            "size_class": "the size class is that of the volume of this type in the reference "
            "(> 25, 5 to 25, 0.01 to 5, < 0.01 mL)",
        }
        told = [name.replace("_", " ") for name in STRATA if name not in self.derived]
        parts = [
            *(said[name] for name in self.derived),
            *([f"{' and '.join(told)} as in the case table"] if told else []),
        ]
        sentence = "; ".join(parts)
        return f"{sentence[0].upper()}{sentence[1:]}."


def bleed_of(results: ComparableRuns) -> str | None:
    """Return the structure that stands for any hemorrhage: the group of that name, or the only label; else None."""
    found = [name for name in any_finding(results.labels) if name in results.structures]
    return found[0] if found else None


def reference_volumes(results: ComparableRuns, reference: str) -> pd.DataFrame:
    """Return the volume of each structure in a reference, mL.

    Args:
        results: Runs on one dataset.
        reference: Name of the reference.

    Returns:
        A row for each case, by its id, a column for each structure; null where nobody assessed it. Empty if the metric
        ``reference_volume_ml`` was not scored.
    """
    grid = results.reference_volumes(reference)
    if grid is None:
        return pd.DataFrame()
    values = np.fmax.reduce(grid.select().values, axis=-1)  # the same for all raters that have one
    found = pd.DataFrame(values, index=list(grid.cases), columns=list(grid.labels))
    return found[[name for name in results.structures if name in found]]


def strata(results: ComparableRuns, dataset: Dataset | None, reference: str) -> Strata:
    """Return type and size class of each positive case: those of the case table, else from the reference's volumes.

    Args:
        results: Runs on one dataset.
        dataset: The dataset with its case table; None: everything is derived.
        reference: Name of the reference whose volumes count.
    """
    volumes = reference_volumes(results, reference)
    bleed = bleed_of(results)
    if volumes.empty or bleed is None:
        return Strata(pd.DataFrame(columns=[*STRATA, "volume_ml"]), STRATA)
    known = subgroup_table(dataset, results.cases).reindex(volumes.index)
    positive = volumes[bleed] > 0
    # Volumes of labels that no rater claims to know were not scored: then any hemorrhage is the only type.
    labels = [name for name in results.labels if name in volumes and volumes[name].notna().any()] or [bleed]
    largest = volumes.loc[positive, labels].fillna(0).idxmax(axis=1)
    own = volumes.loc[positive, labels].max(axis=1)
    # Readers who disagree about the type may leave a bleed of no type.
    own = own.where(own > 0, volumes.loc[positive, bleed])
    frame = pd.DataFrame(
        {
            "type": known["type"].where(positive) if "type" in known else largest.reindex(volumes.index),
            "size_class": known["size_class"].where(positive)
            if "size_class" in known
            else own.map(size_class).reindex(volumes.index),
            "volume_ml": volumes[bleed].where(positive),
        },
        index=volumes.index,
    )
    return Strata(frame, tuple(name for name in STRATA if name not in known))


def sizes_first(names: Sequence[str]) -> list[str]:
    """Return the size classes among some names from the largest, then the other names in their order."""
    return [*(name for name in SIZE_CLASSES if name in names), *(name for name in names if name not in SIZE_CLASSES)]


def combinations(results: ComparableRuns) -> pd.Series:
    """Return which types of hemorrhage the common reference of each positive case holds, in words.

    Returns:
        Case -> ``iph only``, ``iph with ivh``, ``iph with ivh and sah``; empty if the dataset has one label only.
    """
    volumes = reference_volumes(results, results.common)
    labels = [name for name in results.labels if name in volumes]
    if len(labels) < 2:
        return pd.Series(dtype=object)
    held = {case: [name for name in labels if row[name] > 0] for case, row in volumes.iterrows()}
    return pd.Series({case: _in_words(names) for case, names in held.items() if names}, dtype=object)


def _in_words(names: Sequence[str]) -> str:
    first, *others = names
    if not others:
        return f"{first} only"
    *before, last = others
    return f"{first} with {', '.join(before)} and {last}" if before else f"{first} with {last}"
