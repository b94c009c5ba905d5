"""Shares of cases, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from ctbench.errors import UsageError
from ctbench.statistics.estimate import ALPHA, Estimate
from ctbench.statistics.tidy import FAILED, as_names, checked, expect_one

__all__ = ["failures", "wilson"]


def wilson(successes: int, n: int) -> Estimate:
    """Estimate a share with Wilson's interval, which stays within 0 and 1 and holds for few cases.

    Wilson, Journal of the American Statistical Association 1927;22:209-212.

    Raises:
        UsageError: more successes than cases, or negative numbers.

    Example:
        >>> estimate = wilson(78, 82)
        >>> round(estimate.low, 3), round(estimate.high, 3)
        (0.881, 0.981)
    """
    if not 0 <= successes <= n:
        msg = f"expected 0 <= successes <= n, got {successes} of {n}"
        raise UsageError(msg)
    if n == 0:
        return Estimate(math.nan, reason="no cases")
    from statsmodels.stats.proportion import proportion_confint  # takes two seconds

    share = successes / n
    low, high = proportion_confint(successes, n, alpha=ALPHA, method="wilson")
    return Estimate(share, min(low, share), max(high, share), n=n)  # round-off would leave shares of 0 and 1 outside


def failures(scores: pd.DataFrame, *, below: float = 0.5, by: str | Sequence[str] = ("label", "rater")) -> pd.DataFrame:
    """Count the cases that score below a limit: Sharrock's failures are those with Dice < 0.5.

    A subgroup (hemorrhage type, scanner, slice thickness) is one more column to name in ``by``.

    Args:
        scores: tidy scores of one metric, of which more is better; one reference and dataset unless ``by`` splits.
        below: the limit; a score equal to it is no failure.
        by: the columns that make a group.

    Returns:
        A row for each group: the columns ``by``, ``metric``, ``below``, ``n`` scores with a value, ``failures`` among
        them, ``failed`` (those among the failures that are missing or failed predictions), ``share, low, high``
        (Wilson), ``minimum`` (the lowest value), ``rows_left_out`` (scores without a value).

    Raises:
        UsageError: scores that are not tidy, or several metrics, references or datasets.
    """
    names = as_names(by)
    scores = checked(scores, (*names, "metric", "status"))
    expect_one(scores, ("metric", "reference", "dataset"), split=names)
    low = scores["value"].lt(below)
    scores = scores.assign(low=low, lost=low & scores["status"].isin(FAILED), null=scores["value"].isna())
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
