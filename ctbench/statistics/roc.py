"""The ROC curve: what sensitivity costs in false alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ctbench.errors import UsageError
from ctbench.statistics.pairs import paired

__all__ = ["roc_curve"]


def roc_curve(truth: ArrayLike, score: ArrayLike) -> pd.DataFrame:
    """Trace sensitivity against false alarms over all thresholds.

    The area under the straight lines between its points is the value of ``roc_auc``.

    Args:
        truth: for each case True (or 1) if it is positive.
        score: for each case; higher is surer. Pairs with a NaN are left out.

    Returns:
        Columns threshold (a score at or above it is called positive; infinite in the first row), false_positive_rate
        (one minus specificity) and sensitivity, from (0, 0) to (1, 1); empty unless there are cases of both kinds.

    Raises:
        UsageError: lengths that differ, a truth that is not 0 or 1, or infinite scores.

    Example:
        >>> roc_curve([0, 1, 0, 1], [0.1, 0.9, 0.4, 0.4])["sensitivity"].tolist()
        [0.0, 0.5, 1.0, 1.0]
    """
    actual, scores, _ = paired(truth, score)
    if not np.isin(actual, (0, 1)).all():
        msg = f"the truth of a case must be 0 or 1, got {sorted(set(actual) - {0, 1})[:5]}"
        raise UsageError(msg)
    positive = actual.astype(bool)
    if positive.all() or not positive.any():
        return pd.DataFrame({"threshold": [], "false_positive_rate": [], "sensitivity": []}, dtype=float)
    thresholds = np.concatenate([[np.inf], np.unique(scores)[::-1]])
    called = scores[None, :] >= thresholds[:, None]
    return pd.DataFrame(
        {
            "threshold": thresholds,
            "false_positive_rate": called[:, ~positive].mean(axis=1),
            "sensitivity": called[:, positive].mean(axis=1),
        }
    )
