"""Trends: a smooth curve through measurements, and whether scores go with the size of what is scored."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ctbench.errors import UsageError
from ctbench.statistics.missing import complete_pairs
from ctbench.statistics.tidy import checked, expect_one
from ctbench.statistics.volumes import volume_agreement

__all__ = ["loess", "size_correlation"]

_VOLUME = "reference_volume_ml"


def loess(x: ArrayLike, y: ArrayLike, *, share: float = 2 / 3) -> pd.DataFrame:
    """Smooth measurements by locally weighted regression.

    Cleveland, Journal of the American Statistical Association 1979;74:829-836, with three robust rounds.

    Args:
        x: where.
        y: what was measured there; pairs with a NaN are left out.
        share: of the points that each local line looks at.

    Returns:
        Columns ``x`` (sorted, each value once) and ``fitted``; empty if there are fewer than three places.

    Raises:
        UsageError: lengths that differ, infinite values, or a share that is not between 0 and 1.
    """
    if not 0 < share <= 1:
        msg = f"the share of points must be above 0 and at most 1, got {share}"
        raise UsageError(msg)
    places, values, _ = complete_pairs(x, y)
    if len(np.unique(places)) < 3:
        return pd.DataFrame({"x": [], "fitted": []}, dtype=float)
    from statsmodels.nonparametric.smoothers_lowess import lowess  # takes a second

    curve = pd.DataFrame(lowess(values, places, frac=share), columns=["x", "fitted"])
    return curve.groupby("x")["fitted"].mean().reset_index()


def size_correlation(scores: pd.DataFrame, *, across: Literal["labels", "cases"] = "labels") -> pd.DataFrame:
    """Correlate scores with the size of the structure.

    Cai's Appendix E2 finds that larger structures have the higher Dice. That is a statement on structures; whether a
    larger ventricle is segmented better than a smaller one is another.

    Args:
        scores: tidy scores of one metric, reference and dataset, with rows of the metric ``reference_volume_ml``.
        across: ``labels``: the mean score of each structure against its mean volume; ``cases``: the score of each case
            against the volume there, for each structure by itself.

    Returns:
        A row for each rater (and label): ``rater``, perhaps ``label``, ``n`` points, ``left_out``, ``pearson_r`` with
        ``pearson_r_low, pearson_r_high``, ``spearman_r``, ``reason``.

    Raises:
        UsageError: scores that are not tidy, several metrics, references or datasets, or no reference volumes.
    """
    scores = checked(scores, ("case", "rater", "label", "metric"))
    expect_one(scores, ("reference", "dataset"))
    is_volume = scores["metric"].eq(_VOLUME)
    if not is_volume.any():
        msg = f"the scores have no rows of the metric {_VOLUME}; the size of the structures is unknown"
        raise UsageError(msg)
    expect_one(scores[~is_volume], ("metric",))
    keys = ["rater", "label", "case"]
    both = pd.concat({"value": _by(scores[~is_volume], keys), "size": _by(scores[is_volume], keys)}, axis=1)
    both = both[both.index.isin(_by(scores[~is_volume], keys).index)]
    if across == "labels":
        both = both.dropna().groupby(["rater", "label"], sort=False, observed=True).mean()
    groups = ["rater"] if across == "labels" else ["rater", "label"]
    return pd.DataFrame(
        [
            dict(zip(groups, key if isinstance(key, tuple) else (key,), strict=True)) | _correlated(group)
            for key, group in both.groupby(groups, sort=False, observed=True)
        ]
    )


def _by(scores: pd.DataFrame, keys: list[str]) -> pd.Series:
    return scores.groupby(keys, sort=False, observed=True)["value"].mean()


def _correlated(points: pd.DataFrame) -> dict[str, Any]:
    agreement = volume_agreement(points["size"], points["value"])
    names = ("n", "left_out", "pearson_r", "pearson_r_low", "pearson_r_high", "spearman_r", "reason")
    return {name: getattr(agreement, name) for name in names}
