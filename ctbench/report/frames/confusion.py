"""Confusion matrices: how a model labelled the voxels of each structure, over all cases of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ctbench.datasets import Case, Dataset
from ctbench.errors import MissingFileError, UsageError
from ctbench.metrics import confusion
from ctbench.references import read_references
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.masks import numbered
from ctbench.runs import Run

__all__ = ["can_confuse", "confusion_table"]


def confusion_table(run: Run, dataset: Dataset, structures: Sequence[str]) -> pd.DataFrame:
    """Count over all cases how the voxels of each structure in the common reference were called by a model.

    Source: Cai et al., Radiology: Artificial Intelligence 2020;2:e190183, Figure 3.

    Args:
        run: Run of the model; cases without a prediction do not count.
        dataset: The dataset, with the readers' masks.
        structures: Names of labels that the model knows, or of groups that share no label.

    Returns:
        Columns reference, prediction (names, ``background`` first), voxels, percent of the reference's structure (NaN
        where it is nowhere), cases (how many count).

    Raises:
        DataError: a label map cannot be read.
        UsageError: no case has a prediction, or the run is of readers.
    """
    if run.manifest.predictor is None:
        msg = f"{run.folder} is of readers; a confusion matrix needs a model"
        raise UsageError(msg)
    numbers = {name: number for number, name in enumerate(structures, start=1)}
    claimed = run.claimed
    shown = [claimed[name] for name in structures]
    cases = (_of_case(run, case, shown, numbers) for case in dataset.select(run.manifest.cases))
    counted = [case for case in cases if case is not None]
    if not counted:
        msg = f"{run.folder} keeps no prediction; a confusion matrix needs them"
        raise UsageError(msg)
    voxels = np.sum([found["voxels"] for found in counted], axis=0)
    summed = counted[0].assign(voxels=voxels, cases=len(counted))
    totals = summed.groupby("reference", sort=False)["voxels"].transform("sum")
    return summed.assign(percent=100 * summed["voxels"] / totals.where(totals > 0))


def can_confuse(results: ComparableRuns) -> bool:
    """Return whether some model knows at least two structures, which it can confuse."""
    return any(models and len(over) > 1 for over, models in results.scopes.items())


def _of_case(run: Run, case: Case, shown: Sequence[Sequence[int]], numbers: Mapping[str, int]) -> pd.DataFrame | None:
    try:
        prediction = run.prediction(case.id).array
    except MissingFileError:
        return None
    readings = read_references(case, run.manifest.consensus)
    reference = readings.common
    true = replace(reference, labels=numbered(reference.labels, shown), possible=None)
    return confusion(true, numbered(prediction, shown), labels=numbers)
