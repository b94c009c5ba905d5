"""Confusion matrix of a prediction: voxels by label of the reference and label of the prediction."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.metrics.crop import LabelMap
from ctbench.metrics.inputs import as_comparison
from ctbench.metrics.voxels import count_pairs
from ctbench.reference import Reference

__all__ = ["BACKGROUND", "confusion"]

BACKGROUND = "background"
"""Name of the class of all voxels with none of the given codes."""

_MOST_LABELS = 4096


def confusion(
    reference: Reference | LabelMap, prediction: LabelMap, *, labels: LabelSet | Mapping[str, int]
) -> pd.DataFrame:
    """Count, over the voxels that count, how many of each label of the reference got each label of the prediction.

    Source: Cai et al., Radiology: Artificial Intelligence 2020;2:e190183, Figure 3.

    Args:
        reference: a Reference, or z,y,x integers in which every voxel counts.
        prediction: z,y,x integers of the same shape.
        labels: name -> code; a label set's groups are left out, since every voxel can be in one class only.

    Returns:
        One row per pair of classes, ``background`` first: ``reference``, ``prediction`` (names), ``voxels``, and
        ``percent`` of the reference's class (NaN where it is empty). Of several cases, add up the voxels.

    Raises:
        UsageError: more than 4,096 labels, two of one code, or a label called ``background``.
        CtbenchError: as ``score`` does.
    """
    codes = list(labels.values())
    if len(codes) > _MOST_LABELS or len(set(codes)) < len(codes) or BACKGROUND in labels or min(codes, default=0) < 1:
        msg = (
            f"expected at most {_MOST_LABELS} labels, none called {BACKGROUND!r}, each with a positive code of its own"
        )
        raise UsageError(msg)
    comparison = as_comparison([reference], prediction, codes)
    given = comparison.references[0]
    table = np.sort(codes)
    voxels = np.zeros((len(codes) + 1,) * 2, np.int64)
    excluded = np.zeros((0, 0, 0), bool) if given.excluded is None else given.excluded
    annotated = np.ones(given.labels.shape[0], bool) if given.annotated is None else given.annotated
    count_pairs(*_alike(given.labels, comparison.prediction), excluded, annotated, table, voxels)
    # Classes were numbered by code; rows come in the order of the names.
    order = np.concatenate([[0], np.searchsorted(table, codes) + 1])
    voxels = voxels[np.ix_(order, order)]
    names = [BACKGROUND, *labels]
    totals = voxels.sum(axis=1, keepdims=True)
    percent = np.divide(100 * voxels, totals, out=np.full(voxels.shape, np.nan), where=totals > 0)
    return pd.DataFrame(
        {
            "reference": np.repeat(names, len(names)),
            "prediction": np.tile(names, len(names)),
            "voxels": voxels.ravel(),
            "percent": percent.ravel(),
        }
    )


def _alike(reference: LabelMap, prediction: LabelMap) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Return both with the same type, so that the loop is compiled once for each."""
    both = np.promote_types(reference.dtype, prediction.dtype)
    return reference.astype(both, copy=False), prediction.astype(both, copy=False)
