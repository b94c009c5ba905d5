"""Proportions with Wilson's interval, and the share of cases that score below a limit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.scores import LOST
from ctbench.statistics.clustered_mean import clustered_mean
from ctbench.statistics.estimate import ALPHA, Estimate
from ctbench.statistics.populations import populated
from ctbench.statistics.tidy import as_names, checked, expect_one

__all__ = ["clustered_proportion", "failures", "wilson"]


def wilson(successes: int, n: int) -> Estimate:
    """Return a proportion with Wilson's 95 % interval, which stays within 0 and 1 and is valid for few cases.

    Wilson, Journal of the American Statistical Association 1927;22:209-212.

    Args:
        successes: Number of cases counted, 0 to n.
        n: Number of all cases. 0: the estimate is NaN with a reason.

    Raises:
        UsageError: A number is negative, or ``successes`` is larger than ``n``.

    Example:
        >>> estimate = wilson(78, 82)
        >>> round(estimate.low, 3), round(estimate.high, 3)
        (0.881, 0.981)
    """
    if not 0 <= successes <= n:
        msg = f"expected 0 <= successes <= n, got {successes} successes of n = {n}"
        raise UsageError(msg)
    if n == 0:
        return Estimate(math.nan, reason="no cases")
    from statsmodels.stats.proportion import proportion_confint  # takes two seconds

    share = successes / n
    low, high = proportion_confint(successes, n, alpha=ALPHA, method="wilson")
    return Estimate(share, min(low, share), max(high, share), n=n)  # round-off would leave shares of 0 and 1 outside


def clustered_proportion(successes: NDArray[np.bool_], clusters: NDArray[np.generic]) -> Estimate:
    """Return a proportion of outcomes that are correlated within clusters, such as the lesions of a patient.

    The interval is Wilson's for the effective number of outcomes: n over the design effect, which is the variance that
    is robust to clusters (``clustered_mean``) over the binomial one, and at least 1 (Korn and Graubard, Survey
    Methodology 1998;24:193-201). Where all outcomes are equal, or of one cluster, that number is the one of clusters.

    Args:
        successes: Whether each of n outcomes is a success.
        clusters: The cluster of each.

    Example:
        >>> import numpy as np
        >>> found = np.array([True, True, True, False, False, False])
        >>> estimate = clustered_proportion(found, np.array(["a", "a", "a", "b", "b", "b"]))
        >>> estimate.value, round(estimate.low, 3), round(estimate.high, 3)
        (0.5, 0.055, 0.945)
    """
    n = len(successes)
    if not n:
        return wilson(0, 0)
    from statsmodels.stats.proportion import proportion_confint  # takes two seconds

    _, numbers = np.unique(clusters, return_inverse=True)
    found = clustered_mean(successes.astype(np.float64), numbers)
    binomial = found.mean * (1 - found.mean)
    effective = float(numbers.max() + 1)
    if binomial > 0 and found.error > 0:
        effective = min(binomial / found.error**2, float(n))
    elif binomial > 0 and not math.isnan(found.error):
        effective = float(n)
    low, high = proportion_confint(found.mean * effective, effective, alpha=ALPHA, method="wilson")
    return Estimate(found.mean, min(float(low), found.mean), max(float(high), found.mean), n=n)


def failures(scores: pd.DataFrame, *, below: float = 0.5, by: str | Sequence[str] = ("label", "rater")) -> pd.DataFrame:
    """Return how many positives score below a limit in each group: Sharrock's failures have a Dice below 0.5.

    A missed structure and a lost case are failures; what a rater draws in negatives is told by ``false_alarms``.

    Args:
        scores: Tidy scores of one metric of which higher values are better, and of one reference and dataset unless
            these columns are among ``by``.
        below: The limit, in the unit of the metric; a score equal to it is not a failure. Default 0.5.
        by: Name or names of the columns to group by. For subgroups (hemorrhage type, scanner, slice thickness) add
            their column to the scores and name it here.

    Returns:
        One row per group: the columns ``by``, ``metric``, ``below``, ``n`` scores with a value, ``failures`` among
        them, ``failed`` (failures whose prediction is missing or failed), ``share`` of failures with its Wilson
        interval ``low, high``, ``minimum`` (the lowest value), ``rows_left_out`` (scores of positives without a value).

    Raises:
        UsageError: The scores are not tidy, or hold several metrics, references or datasets.
    """
    names = as_names(by)
    scores = checked(scores, (*names, "metric", "status"))
    expect_one(scores, ("metric", "reference", "dataset"), split=names)
    scores = populated(scores)
    low, null = scores["value"].lt(below), scores["value"].isna() & ~scores["negative"]
    scores = scores.assign(low=low, lost=low & scores["status"].isin(LOST), null=null)
    groups = scores.groupby(names, sort=False, dropna=False, observed=True)
    table = groups.agg(
        metric=("metric", "first"),
        n=("value", "count"),
        failures=("low", "sum"),
        failed=("lost", "sum"),
        minimum=("value", "min"),
        rows_left_out=("null", "sum"),
    )
    shares = [wilson(int(count), int(n)) for count, n in zip(table["failures"], table["n"], strict=True)]
    table = table.assign(
        below=below, **{column: [getattr(share, field) for share in shares] for column, field in _SHARE}
    )
    return table[list(_COLUMNS)].reset_index()


_SHARE = (("share", "value"), ("low", "low"), ("high", "high"))
_COLUMNS = ("metric", "below", "n", "failures", "failed", "share", "low", "high", "minimum", "rows_left_out")
