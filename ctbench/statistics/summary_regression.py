"""The categorical regression of printed summaries: what a table of means and standard deviations still can tell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from ctbench.errors import UsageError
from ctbench.statistics.direction import Direction, direction_in
from ctbench.statistics.fits import no_spread
from ctbench.statistics.regression import REGRESSION
from ctbench.statistics.tidy import expect_known, expect_one
from ctbench.statistics.verdict import judged_by_t, nobody

__all__ = ["categorical_regression_from_summary"]


def categorical_regression_from_summary(
    summary: pd.DataFrame, *, baseline: str, direction: Direction | str | None = None
) -> pd.DataFrame:
    """Do the categorical regression from printed means and standard deviations, in closed form.

    With n_i values of rater i, the pooled variance is sum (n_i - 1) sd_i^2 over N - k degrees of freedom, and a
    difference of means has the standard error sqrt(variance (1 / n_i + 1 / n_baseline)): the same numbers that
    ``categorical_regression`` finds from the rows.

    Args:
        summary: columns ``label, rater, mean, sd`` (n - 1; may be null where n is 1), ``n``, and perhaps ``metric``.
        baseline: the rater that the rest is compared with.
        direction: as in ``categorical_regression``.

    Returns:
        The columns of ``categorical_regression``; ``rows_left_out`` is 0, for a summary tells of none.

    Raises:
        UsageError: a column or the baseline is absent, a rater occurs twice in a label, or n or sd is negative.

    Example:
        >>> summary = pd.DataFrame(
        ...     {"label": "caudate", "rater": ["model", "reader1"], "mean": [0.89, 0.92], "sd": [0.03, 0.02], "n": 12}
        ... )
        >>> row = categorical_regression_from_summary(summary, baseline="model").iloc[0]
        >>> print(f"{row['difference']:.2f}, p = {row['p']:.3f}, better: {row['better']}")
        0.03, p = 0.009, better: reader1
    """
    _check(summary)
    expect_one(summary, ("metric",))
    expect_known(baseline, summary["rater"].unique(), "rater")
    good = direction_in(summary, direction)
    rows = [
        {"label": label} | row
        for label, group in summary.groupby("label", sort=False, observed=True)
        for row in _regress(group.set_index("rater"), baseline, good)
    ]
    return pd.DataFrame(rows, columns=["label", "rater", *REGRESSION])


def _check(summary: pd.DataFrame) -> None:
    absent = [column for column in ("label", "rater", "mean", "sd", "n") if column not in summary.columns]
    if absent:
        msg = f"the summary lacks {', '.join(absent)}; expected the columns label, rater, mean, sd, n"
        raise UsageError(msg)
    twice = summary[summary.duplicated(["label", "rater"])]
    if len(twice):
        msg = f"the summary has two rows for rater {twice['rater'].iloc[0]!r} and label {twice['label'].iloc[0]!r}"
        raise UsageError(msg)
    wrong = (summary["n"] < 0) | (summary["sd"] < 0) | ((summary["n"] > 0) & summary["mean"].isna())
    wrong |= (summary["n"] > 1) & summary["sd"].isna()
    if wrong.any():
        msg = f"the summary needs n >= 0, a mean, and sd >= 0 where n > 1, got {summary[wrong].iloc[0].to_dict()}"
        raise UsageError(msg)


def _regress(summary: pd.DataFrame, baseline: str, direction: Direction) -> Iterator[dict[str, Any]]:
    n, mean = summary["n"].astype(int), summary["mean"]
    degrees = int(n.sum() - (n > 0).sum())
    squares = float(((n - 1) * summary["sd"] ** 2)[n > 1].sum())
    untestable = no_spread(degrees, varies=squares > 0)
    base = int(n.get(baseline, 0))
    for name in map(str, summary.index.drop(baseline, errors="ignore")):
        reason = nobody({name: int(n[name]), baseline: base}) or untestable
        difference, error = math.nan, math.nan
        if n[name] and base:
            difference = float(mean[name] - mean[baseline])
            error = math.nan if reason else math.sqrt(squares / degrees * (1 / n[name] + 1 / base))
        yield {
            "rater": name,
            "n": int(n[name]),
            "n_baseline": base,
            **judged_by_t(difference, error, degrees, (name, baseline), direction),
            "rows_used": int(n.sum()),
            "rows_left_out": 0,
            "reason": reason,
        }
