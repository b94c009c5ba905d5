"""ROC curves of detection, as tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ctbench.statistics import roc_curve

__all__ = ["roc_table"]


def roc_table(found: pd.DataFrame) -> pd.DataFrame:
    """Trace the ROC curve of each rater.

    Args:
        found: Rows of ``case_calls.case_calls``, of one structure.

    Returns:
        Columns rater, by, step (from 0), and those of ``ctbench.statistics.roc_curve``.
    """
    curves = []
    for (rater, by), own in found.groupby(["rater", "by"], sort=False):
        curve = roc_curve(own["truth"].astype(bool), own["score"])
        curves.append(curve.assign(rater=str(rater), by=str(by), step=np.arange(len(curve))))
    columns = ["rater", "by", "step", "threshold", "false_positive_rate", "sensitivity"]
    return pd.concat(curves, ignore_index=True)[columns] if curves else pd.DataFrame(columns=columns)
