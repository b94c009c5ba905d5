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
        The columns of ``ctbench.consensus.indeterminate_share``, summed over cases; None if no case has readers.
    """
    manifest = results.manifest
    labels, counted = LabelSet(manifest.labels, manifest.groups), []
    for case in dataset.select(manifest.cases):
        readings = read_references(case, manifest.consensus)
        if readings.label_maps:
            maps = {reader: volume.array for reader, volume in readings.label_maps.items()}
            reference = readings.references[results.common]
            counted.append(indeterminate_share(maps, reference, labels, readings.annotated))
    if not counted:
        return None
    voxels = ["annotated_voxels", "indeterminate_voxels"]
    table = pd.concat(counted).groupby("label", sort=False)[voxels].sum().reset_index()
    return table.assign(share=table["indeterminate_voxels"] / table["annotated_voxels"])
