"""Gwet's agreement coefficients, Brennan and Prediger's and Fleiss', for several readers with missing ratings."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ctbench.errors import UsageError
from ctbench.statistics.estimate import Estimate, t_half_width
from ctbench.statistics.missing import Numbers

__all__ = ["gwet_ac"]


def gwet_ac(
    ratings: ArrayLike,
    *,
    weights: Literal["linear", "quadratic"] | None = None,
    chance: Literal["gwet", "uniform", "fleiss"] = "gwet",
    clusters: ArrayLike | None = None,
) -> Estimate:
    """Return Gwet's AC1, or with weights AC2: agreement beyond chance that stays high where one category is rare.

    Where readers agree on 94 % of cases of which few are positive, Cohen's kappa can be below 0 and AC1 is above .9.
    On voxels it rewards background, so use it for cases and lesions.

    Gwet, British Journal of Mathematical and Statistical Psychology 2008;61:29-48; weights, missing ratings and the
    variance over units: Handbook of Inter-Rater Reliability, 4th edition, 2014, chapters 2 to 5. Brennan and Prediger,
    Educational and Psychological Measurement 1981;41:687-699.

    Args:
        ratings: Array units x readers of categories: numbers, or any values without weights; NaN or None: not rated.
            Units without a rating are left out and counted.
        weights: How much a disagreement counts by the distance of the categories, which are then numbers: ``linear``
            or ``quadratic``. None (default): every disagreement counts fully (AC1).
        chance: ``gwet`` (default); ``uniform`` for Brennan and Prediger's coefficient: every category is equally
            probable by chance; or ``fleiss`` for Fleiss' kappa, here also for units with different numbers of ratings:
            by chance two ratings agree as two that are drawn from all (of two readers it is Scott's pi).
        clusters: The cluster of each unit, such as its patient. None (default): each unit is one.

    Returns:
        The estimate over ``n`` units with its 95 % t interval over clusters; NaN with a reason if no unit has two
        ratings or all ratings are one category.

    Raises:
        UsageError: The array is not units x readers with two readers or more, clusters are not one for each unit, or
            weights or chance are unknown.

    Example:
        >>> round(gwet_ac([[0, 0]] * 118 + [[0, 1]] * 5 + [[1, 0]] * 2).value, 3)
        0.941
    """
    if chance not in ("gwet", "uniform", "fleiss"):
        msg = f"unknown chance {chance!r}; expected gwet, uniform or fleiss"
        raise UsageError(msg)
    table = np.asarray(ratings, dtype=object)
    if table.ndim != 2 or table.shape[1] < 2:
        msg = f"expected ratings as a table units x readers with at least two readers, got shape {table.shape}"
        raise UsageError(msg)
    names = np.arange(len(table)) if clusters is None else np.asarray(clusters)
    if names.shape != table.shape[:1]:
        msg = f"expected one cluster for each of {len(table)} units, got shape {names.shape}"
        raise UsageError(msg)
    known = ~pd.isna(table)
    rated = known.any(axis=1)
    table, known, names, left_out = table[rated], known[rated], names[rated], int((~rated).sum())
    categories = np.array(sorted(set(table[known].tolist()), key=str), dtype=object)
    if len(categories) < 2 or not (known.sum(axis=1) > 1).any():
        reason = "all ratings are one category" if len(categories) == 1 else "no unit has two ratings"
        return Estimate(math.nan, n=len(table), left_out=left_out, reason=reason)
    counts = np.stack([((table == category) & known).sum(axis=1) for category in categories], axis=1).astype(np.float64)
    return _coefficient(counts, _agreement(categories, weights), chance, names, left_out)


def _agreement(categories: NDArray[np.generic], weights: str | None) -> Numbers:
    """Return how far two categories agree, from 0 to 1: categories x categories."""
    if weights is None:
        return np.eye(len(categories))
    if weights not in ("linear", "quadratic"):
        msg = f"unknown weights {weights!r}; expected linear, quadratic or None"
        raise UsageError(msg)
    try:
        places = categories.astype(np.float64)
    except ValueError as error:
        msg = f"weights need categories that are numbers, got {categories[0]!r}"
        raise UsageError(msg) from error
    distance = np.abs(places[:, None] - places) / np.ptp(places)
    agreement: Numbers = 1 - (distance if weights == "linear" else distance**2)
    return agreement


def _coefficient(
    counts: Numbers, agreement: Numbers, chance: str, names: NDArray[np.generic], left_out: int
) -> Estimate:
    n, size = counts.shape
    readers = counts.sum(axis=1)
    several = readers > 1
    pairs = np.where(several, readers * (readers - 1), 1)
    observed = np.where(several, (counts * (counts @ agreement - 1)).sum(axis=1) / pairs, 0.0)
    shares = counts / readers[:, None]
    prevalence = shares.mean(axis=0)
    total = agreement.sum()
    if chance == "uniform":
        by_unit = np.full(n, total / size**2)
    elif chance == "fleiss":
        by_unit = shares @ agreement @ prevalence
    else:
        by_unit = total / (size * (size - 1)) * (shares * (1 - prevalence)).sum(axis=1)
    expected = by_unit.mean()
    value = (observed[several].mean() - expected) / (1 - expected)
    own = n / several.sum() * np.where(several, observed - expected, 0.0) / (1 - expected)
    if chance != "uniform":
        own -= 2 * (1 - value) * (by_unit - expected) / (1 - expected)
    sums = np.bincount(np.unique(names, return_inverse=True)[1], weights=own - value)
    clusters = len(sums)
    if clusters < 2:
        return Estimate(float(value), n=n, left_out=left_out, reason="one unit or cluster: no interval")
    half = t_half_width(math.sqrt((sums**2).sum() * clusters / (clusters - 1)) / n, clusters - 1)
    return Estimate(float(value), float(value - half), min(float(value + half), 1.0), n=n, left_out=left_out)
