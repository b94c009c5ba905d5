"""LOESS smoothing, and the correlation of scores with the volume of the structure."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ctbench.errors import UsageError
from ctbench.metric_descriptions import REFERENCE_VOLUME
from ctbench.statistics.missing import complete_pairs
from ctbench.statistics.populations import populated
from ctbench.statistics.tidy import checked, expect_one
from ctbench.statistics.volumes import volume_agreement

__all__ = ["loess", "size_correlation"]


def loess(x: ArrayLike, y: ArrayLike, *, share: float = 2 / 3) -> pd.DataFrame:
    """Return a LOESS curve: locally weighted regression.

    Cleveland, Journal of the American Statistical Association 1979;74:829-836, with three robust iterations.

    Args:
        x: The independent variable of each point.
        y: The dependent variable of each point. Points with a NaN are left out.
        share: Share of the points in each local regression, above 0 and at most 1. Default 2/3.

    Returns:
        Columns ``x`` (sorted, without duplicates) and ``fitted``; empty if there are fewer than three different x.

    Raises:
        UsageError: The lengths differ, a value is infinite, or the share is out of range.
    """
    if not 0 < share <= 1:
        msg = f"the share of points must be above 0 and at most 1, got {share}"
        raise UsageError(msg)
    places, values, _ = complete_pairs(x, y)
    if len(np.unique(places)) < 3:
        return pd.DataFrame({"x": [], "fitted": []}, dtype=float)
    from statsmodels.nonparametric.smoothers_lowess import lowess  # takes a second

    with np.errstate(invalid="ignore", divide="ignore"):  # all residuals may be 0: no robust weights
        curve = pd.DataFrame(lowess(values, places, frac=share), columns=["x", "fitted"])
    return curve.groupby("x")["fitted"].mean().reset_index()


def size_correlation(scores: pd.DataFrame, *, across: Literal["labels", "cases"] = "labels") -> pd.DataFrame:
    """Return the correlation of scores with the volume of the structure.

    Cai's Appendix E2 finds a higher Dice for larger structures (``across="labels"``). Whether a larger ventricle is
    segmented better than a smaller one is another question (``across="cases"``).

    Args:
        scores: Tidy scores of one metric, reference and dataset, with rows of the metric ``reference_volume_ml``.
        across: ``labels`` (default): correlate each structure's mean score with its mean volume. ``cases``: correlate
            the scores of the cases with their volumes, separately for each structure.

    Returns:
        One row per rater (and label): ``rater``, ``label`` (only with ``cases``), ``n`` points, ``left_out`` points
        without a score or volume, ``pearson_r`` with its 95 % interval ``pearson_r_low, pearson_r_high``,
        ``spearman_r``, ``reason`` (why a number is NaN; else empty).

    Raises:
        UsageError: The scores are not tidy, hold several metrics, references or datasets, or no reference volumes.
    """
    scores = populated(checked(scores, ("case", "rater", "label", "metric")))
    expect_one(scores, ("reference", "dataset"))
    is_volume = scores["metric"].eq(REFERENCE_VOLUME)
    if not is_volume.any():
        msg = f"the scores have no rows of the metric {REFERENCE_VOLUME}, which the correlation needs; score it too"
        raise UsageError(msg)
    expect_one(scores[~is_volume], ("metric",))
    keys = ["rater", "label", "case"]
    both = pd.concat({"value": _by(scores[~is_volume], keys), "size": _by(scores[is_volume], keys)}, axis=1)
    both = both[both.index.isin(_by(scores[~is_volume & ~scores["negative"]], keys).index)]
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
