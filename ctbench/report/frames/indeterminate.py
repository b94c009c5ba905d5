"""Indeterminate voxels: those on which the readers of a dataset found no consensus, by structure."""

from __future__ import annotations

import pandas as pd

from ctbench.consensus import indeterminate_share
from ctbench.datasets import Dataset
from ctbench.labels import LabelSet
from ctbench.references import read_references
from ctbench.report.frames.comparable_runs import ComparableRuns

__all__ = ["indeterminate"]


def indeterminate(results: ComparableRuns, dataset: Dataset) -> pd.DataFrame | None:
    """Count the voxels on which the readers of the scored cases found no consensus.

    Returns:
        The columns of ``ctbench.consensus.indeterminate_share``, summed over cases, and ``share_without``: the same
        share of the references without each reader, summed over cases and readers (NaN if there are none); None if no
        case has readers.
    """
    manifest = results.manifest
    labels = LabelSet(manifest.labels, manifest.groups)
    counted: list[pd.DataFrame] = []
    without: list[pd.DataFrame] = []
    for case in dataset.select(manifest.cases):
        readings = read_references(case, manifest.consensus)
        if not readings.label_maps:
            continue
        maps = {reader: volume.array for reader, volume in readings.label_maps.items()}
        counted.append(indeterminate_share(maps, readings.references[results.common], labels, readings.annotated))
        for reader, name in readings.without.items():
            others = {other: array for other, array in maps.items() if other != reader}
            looked = {other: slices for other, slices in readings.annotated.items() if other != reader}
            without.append(indeterminate_share(others, readings.references[name], labels, looked))
    if not counted:
        return None
    table = _summed(counted)
    shares = _summed(without).set_index("label")["share"] if without else pd.Series(dtype=float)
    return table.assign(share_without=table["label"].map(shares))


def _summed(parts: list[pd.DataFrame]) -> pd.DataFrame:
    voxels = ["annotated_voxels", "indeterminate_voxels"]
    table = pd.concat(parts).groupby("label", sort=False)[voxels].sum().reset_index()
    return table.assign(share=table["indeterminate_voxels"] / table["annotated_voxels"])
