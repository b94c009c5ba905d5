"""Scores beside the reference volumes of the structures."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from ctbench.metric_descriptions import REFERENCE_VOLUME
from ctbench.statistics import populated

__all__ = ["size_points"]


def size_points(scores: pd.DataFrame, across: Literal["labels", "cases"] = "labels") -> pd.DataFrame:
    """Join scores with the reference volumes of their structures.

    Args:
        scores: Tidy scores of one metric and reference, with the rows of the metric ``reference_volume_ml``.
        across: ``labels``: one row per rater and structure, with means over cases; ``cases``: one row per case.

    Returns:
        Columns rater, label, (case,) volume_ml, value, n (cases); without those that have no value or no volume.
    """
    keys = ["rater", "label", "case"]
    scores = populated(scores)
    is_volume = scores["metric"] == REFERENCE_VOLUME
    volumes = scores[is_volume].set_index(keys)["value"].rename("volume_ml")
    points = scores[~is_volume].set_index(keys)["value"].to_frame().join(volumes).dropna().reset_index()
    if across == "cases":
        return points.assign(n=1)
    groups = points.groupby(["rater", "label"], sort=False)
    return groups.agg(volume_ml=("volume_ml", "mean"), value=("value", "mean"), n=("value", "size")).reset_index()
