"""Categorical linear regression of scores on raters: from scores, from printed means and SDs, and leave-one-out.

The test of Cai et al. (Radiology: Artificial Intelligence 2020;2(5):e190183): ordinary least squares of the score on
the category ``rater``, treatment coding with the model as baseline, one residual variance pooled over all raters (a
one-way analysis of variance with contrasts against one group). It assumes independent scores, although raters read the
same cases; this costs power if cases differ more than raters do.

Rejections at the 5 % level in simulated studies of equal raters (``benchmarks/calibration.py``: skewed Dice, 12 cases):
``pooled`` 6 % if all cases are equally difficult, 0.3 % if they differ a little more than raters do on one case;
``clustered`` and ``mixed`` 4 to 6 % in both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.statistics.comparison import COMPARISON, compared_by_t, without_values
from ctbench.statistics.direction import Direction, direction_in
from ctbench.statistics.fits import Variant, fit_raters, no_spread
from ctbench.statistics.populations import populated
from ctbench.statistics.readers import own_references
from ctbench.statistics.tidy import as_names, checked, expect_known, expect_one

__all__ = ["categorical_regression", "categorical_regression_from_summary", "leave_one_out_regression"]

_COLUMNS = ("n", "n_baseline", *COMPARISON, "rows_used", "rows_left_out", "reason")
"""Columns of a regression's table after those of the group and the rater."""


def categorical_regression(
    scores: pd.DataFrame,
    *,
    baseline: str,
    by: str | Sequence[str] = "label",
    category: str = "rater",
    variant: Variant = "pooled",
    direction: Direction | str | None = None,
) -> pd.DataFrame:
    """Compare each rater's mean with that of the baseline by linear regression.

    All raters in ``scores`` contribute to the residual variance and its degrees of freedom. For the papers' test,
    select one model and the readers first. Only positives count, see ``populated``; of them, scores without a value are
    left out and counted.

    Args:
        scores: Tidy scores of one metric, reference and dataset, unless these columns are among ``by``.
        baseline: Name of the rater (or other category) with which all others are compared.
        by: Name or names of the columns whose values have separate regressions.
        category: Name of the column to compare: ``rater`` (default), or ``dataset`` for one rater on two datasets.
        variant: ``pooled`` (default): the papers' test. ``clustered``: standard errors clustered by case. ``mixed``: a
            random effect of the case. The last two need a column ``case`` and account for raters reading the same
            cases.
        direction: Whether ``higher`` or ``lower`` values are better, or ``neither``. None (default): as known for the
            metric; ``higher`` if there is no column ``metric``.

    Returns:
        One row per group and rater except the baseline: the columns ``by``, ``rater`` (or the category), ``n`` and
        ``n_baseline`` values, ``difference`` (rater minus baseline) with its 95 % interval ``low, high`` and ``p``,
        ``higher`` (name of the rater with the higher mean; empty if equal), ``better`` (name of the better rater if
        p < .05, the papers' asterisk; else empty), ``rows_used`` and ``rows_left_out`` of the regression, ``reason``
        (why a number is null; else empty).

    Raises:
        UsageError: The scores are not tidy, a group holds several metrics, references or datasets, or the baseline is
            unknown.
    """
    groups = as_names(by)
    scores = checked(scores, (*groups, category, *(() if variant == "pooled" else ("case",))))
    expect_one(scores, ("metric", "reference", "dataset"), split=(*groups, category))
    expect_known(baseline, scores[category].unique(), category)
    scores, rows = populated(scores), []
    for key, group in scores.groupby(groups, sort=False, dropna=False, observed=True):
        head, good = dict(zip(groups, key, strict=True)), direction_in(group, direction)
        rows += [head | row for row in _regress(group, (category, baseline), variant, good)]
    return pd.DataFrame(rows, columns=[*groups, category, *_COLUMNS])


def _regress(
    scores: pd.DataFrame, of: tuple[str, str], variant: Variant, direction: Direction
) -> Iterator[dict[str, Any]]:
    category, baseline = of
    used = scores.dropna(subset="value")
    counts = {str(name): int(count) for name, count in used[category].value_counts().items()}
    names = [str(name) for name in scores[category].unique() if name != baseline]
    effects = {}
    if baseline in counts:
        effects = _effects(used, [baseline, *(name for name in names if name in counts)], category, variant)
    for name in names:
        n = {name: counts.get(name, 0), baseline: counts.get(baseline, 0)}
        difference, error, degrees, reason = effects.get(name, (math.nan, math.nan, 0.0, without_values(n)))
        yield {
            category: name,
            "n": n[name],
            "n_baseline": n[baseline],
            **compared_by_t(difference, error, degrees, (name, baseline), direction),
            "rows_used": len(used),
            "rows_left_out": int((~scores["negative"]).sum()) - len(used),
            "reason": reason,
        }


def _effects(
    used: pd.DataFrame, names: list[str], category: str, variant: Variant
) -> dict[str, tuple[float, float, float, str]]:
    """Return for each name but the first: difference from the first, standard error, degrees of freedom, reason."""
    if len(names) < 2:
        return {}
    raters = pd.Index(names).get_indexer(pd.Index(used[category].astype(str)))
    cases: NDArray[np.integer] = np.arange(len(used))
    if variant != "pooled":
        keys = [key for key in ("dataset", "case") if key in used.columns]
        cases = used.groupby(keys, sort=False, observed=True).ngroup().to_numpy()
    fit = fit_raters(used["value"].to_numpy(), raters, cases, variant)
    return {
        name: (float(fit.differences[i]), float(fit.errors[i]), fit.degrees, fit.reason)
        for i, name in enumerate(names[1:])
    }


def leave_one_out_regression(
    scores: pd.DataFrame,
    *,
    baseline: str,
    by: str | Sequence[str] = "label",
    variant: Variant = "pooled",
    direction: Direction | str | None = None,
) -> pd.DataFrame:
    """Compare each reader with a model on the reference fused from the other readers.

    A reader scores better on a reference to which they contributed than an equally good rater who did not. Reader k and
    the model are therefore compared on ``<method>-without-k`` only, with one regression per reader. Rows of other
    raters and references are not used. In simulated studies of three readers and an equally good model (12 cases), the
    pooled test calls them different in 85 % on the common majority, and in 2 % here.

    Args:
        scores: Tidy scores of one metric and dataset on the leave-one-out references of one method; rows of other
            references may be among them.
        baseline: Name of the model.
        by: Name or names of the columns whose values have separate regressions.
        variant: As in ``categorical_regression``.
        direction: As in ``categorical_regression``.

    Returns:
        One row per group and reader: the columns of ``categorical_regression``, with ``reference`` after ``rater``.

    Raises:
        UsageError: As ``categorical_regression``; also if the baseline is a reader, or if a reader has no leave-one-out
            reference or those of several methods.
    """
    tables = []
    for reference, pair in own_references(scores, model=baseline):
        table = categorical_regression(pair, baseline=baseline, by=by, variant=variant, direction=direction)
        table.insert(list(table.columns).index("rater") + 1, "reference", reference)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def categorical_regression_from_summary(
    summary: pd.DataFrame, *, baseline: str, direction: Direction | str | None = None
) -> pd.DataFrame:
    """Return the pooled categorical regression computed from printed means and standard deviations, in closed form.

    With n_i values of rater i, the pooled variance is sum (n_i - 1) sd_i^2 over N - k degrees of freedom, and a
    difference of means has the standard error sqrt(variance (1 / n_i + 1 / n_baseline)). The numbers are those that
    ``categorical_regression`` computes from the scores.

    Args:
        summary: One row per label and rater: ``label, rater, mean, sd`` (n - 1; may be null if n is 1), ``n``, and
            optionally ``metric``.
        baseline: Name of the rater with which all others are compared.
        direction: As in ``categorical_regression``.

    Returns:
        The columns of ``categorical_regression``; ``rows_left_out`` is always 0.

    Raises:
        UsageError: A column is missing, the baseline is unknown, a rater has two rows for one label, or n or sd is
            negative.

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
        for row in _regress_summary(group.set_index("rater"), baseline, good)
    ]
    return pd.DataFrame(rows, columns=["label", "rater", *_COLUMNS])


def _check(summary: pd.DataFrame) -> None:
    absent = [column for column in ("label", "rater", "mean", "sd", "n") if column not in summary.columns]
    if absent:
        msg = f"the summary has no column {', '.join(absent)}; expected label, rater, mean, sd, n"
        raise UsageError(msg)
    twice = summary[summary.duplicated(["label", "rater"])]
    if len(twice):
        msg = f"the summary has two rows for rater {twice['rater'].iloc[0]!r} and label {twice['label'].iloc[0]!r}"
        raise UsageError(msg)
    wrong = (summary["n"] < 0) | (summary["sd"] < 0) | ((summary["n"] > 0) & summary["mean"].isna())
    wrong |= (summary["n"] > 1) & summary["sd"].isna()
    if wrong.any():
        msg = f"expected n >= 0, mean if n > 0, sd >= 0 if n > 1 in the summary, got {summary[wrong].iloc[0].to_dict()}"
        raise UsageError(msg)


def _regress_summary(summary: pd.DataFrame, baseline: str, direction: Direction) -> Iterator[dict[str, Any]]:
    n, mean = summary["n"].astype(int), summary["mean"]
    degrees = int(n.sum() - (n > 0).sum())
    squares = float(((n - 1) * summary["sd"] ** 2)[n > 1].sum())
    untestable = no_spread(degrees, varies=squares > 0)
    base = int(n.get(baseline, 0))
    for name in map(str, summary.index.drop(baseline, errors="ignore")):
        reason = without_values({name: int(n[name]), baseline: base}) or untestable
        difference, error = math.nan, math.nan
        if n[name] and base:
            difference = float(mean[name] - mean[baseline])
            error = math.nan if reason else math.sqrt(squares / degrees * (1 / n[name] + 1 / base))
        yield {
            "rater": name,
            "n": int(n[name]),
            "n_baseline": base,
            **compared_by_t(difference, error, degrees, (name, baseline), direction),
            "rows_used": int(n.sum()),
            "rows_left_out": 0,
            "reason": reason,
        }
