"""Proportions with Wilson's interval, and the share of cases that score below a limit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from ctbench.errors import UsageError
from ctbench.scores import LOST
from ctbench.statistics.estimate import ALPHA, Estimate
from ctbench.statistics.populations import populated
from ctbench.statistics.tidy import as_names, checked, expect_one

__all__ = ["failures", "wilson"]


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
