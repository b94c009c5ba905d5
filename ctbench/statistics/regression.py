"""Categorical linear regression: is a rater's mean different from that of the baseline?

The test of Cai et al. (Radiology: Artificial Intelligence 2020;2(5):e190183): ordinary least squares of the score on
the category ``rater``, treatment coding with the model as baseline, one residual variance pooled over all raters. It is
a one-way analysis of variance seen from one of its groups: it takes scores as independent and ignores that raters read
the same cases, which costs power where cases differ more than raters do.

How often the variants reject at 5 % in simulated studies of equal raters (``benchmarks/calibration.py``: skewed Dice,
12 cases): pooled 6 % where all cases are alike, but 0.3 % where they differ a little more than raters do on one case;
clustered and mixed 4 to 6 % in both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.statistics.comparison import VERDICT, judged_by_t, nobody
from ctbench.statistics.direction import Direction, direction_in
from ctbench.statistics.fits import Variant, fit_raters, no_spread
from ctbench.statistics.tidy import as_names, checked, expect_known, expect_one, reader_rows

__all__ = ["categorical_regression", "categorical_regression_from_summary", "leave_one_out_regression"]

_COLUMNS = ("n", "n_baseline", *VERDICT, "rows_used", "rows_left_out", "reason")
"""The columns of a regression's table, after those that say what is compared."""


def categorical_regression(
    scores: pd.DataFrame,
    *,
    baseline: str,
    by: str | Sequence[str] = "label",
    category: str = "rater",
    variant: Variant = "pooled",
    direction: Direction | str | None = None,
) -> pd.DataFrame:
    """Compare every rater's mean with that of the baseline, by linear regression.

    All raters of ``scores`` share in the residual variance and its degrees of freedom; the papers' test has one model
    and its readers, so select those first. Scores without a value are left out and counted.

    Args:
        scores: tidy scores of one metric, reference and dataset.
        baseline: the rater (or other category) that the rest is compared with.
        by: the columns that make a separate regression each.
        category: the column to compare: ``rater``, or ``dataset`` for one rater on two datasets.
        variant: ``pooled``, the papers' test; ``clustered`` by case; or ``mixed``, with a random effect of the case.
            The last two need a column ``case`` and know that raters read the same cases.
        direction: which way the scores are good; None: by the metric's name, ``higher`` if there is no such column.

    Returns:
        A row for each group and rater but the baseline: the columns ``by``, ``rater`` (or the name of the category),
        ``n`` and ``n_baseline`` values, ``difference`` (rater minus baseline) with ``low, high`` (95 %) and ``p``,
        ``higher`` (the name of who has the higher mean; empty if equal), ``better`` (the name of who is better with
        p < .05, the papers' asterisk; else empty), ``rows_used`` and ``rows_left_out`` of the regression, and
        ``reason`` (why something is null; else empty).

    Raises:
        UsageError: scores that are not tidy, several metrics, references or datasets, or an unknown baseline.
    """
    groups = as_names(by)
    scores = checked(scores, (*groups, category, *(() if variant == "pooled" else ("case",))))
    expect_one(scores, ("metric", "reference", "dataset"), split=(*groups, category))
    expect_known(baseline, scores[category].unique(), category)
    rows = []
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
        difference, error, degrees, reason = effects.get(name, (math.nan, math.nan, 0.0, nobody(n)))
        yield {
            category: name,
            "n": n[name],
            "n_baseline": n[baseline],
            **judged_by_t(difference, error, degrees, (name, baseline), direction),
            "rows_used": len(used),
            "rows_left_out": len(scores) - len(used),
            "reason": reason,
        }


def _effects(
    used: pd.DataFrame, names: list[str], category: str, variant: Variant
) -> dict[str, tuple[float, float, float, str]]:
    """Difference from the first name, its standard error, degrees of freedom and reason, for each of the others."""
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
    """Compare each reader with a model on the reference that the other readers made.

    A reader who helped to make a reference scores better on it than an equal who did not, so reader k meets the model
    on ``<method>-without-k`` only, in a regression of their own. Rows of other raters and references are not used.
    In simulated studies of three readers and an equal model (12 cases), the pooled test calls them different in 85 % on
    the common majority, and in 2 % here.

    Args:
        scores: tidy scores of one metric and dataset, on the leave-one-out references of one method (other
            references may stand among them).
        baseline: the model.
        by: the columns that make a separate regression each.
        variant: as in ``categorical_regression``.
        direction: as in ``categorical_regression``.

    Returns:
        The columns of ``categorical_regression``, with ``reference`` after ``rater``; a row for each group and
        reader.

    Raises:
        UsageError: as ``categorical_regression``; also if the baseline is a reader, or a reader lacks its leave-one-out
            reference or has those of several methods.
    """
    scores = checked(scores, (*as_names(by), "rater", "rater_kind", "reference"))
    is_reader = reader_rows(scores, model=baseline)
    references, tables = list(scores["reference"].unique()), []
    for reader in scores.loc[is_reader, "rater"].unique():
        reference = _without(reader, references)
        pair = scores[scores["reference"].eq(reference) & scores["rater"].isin([reader, baseline])]
        expect_known(baseline, pair["rater"].unique(), f"model on the reference {reference!r}")
        table = categorical_regression(pair, baseline=baseline, by=by, variant=variant, direction=direction)
        table.insert(list(table.columns).index("rater") + 1, "reference", reference)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _without(reader: str, references: Sequence[str]) -> str:
    found = [name for name in references if str(name).endswith(f"-without-{reader}")]
    if len(found) != 1:
        got = ", ".join(found) if found else f"none among {', '.join(map(str, references))}"
        msg = f"expected one leave-one-out reference '<method>-without-{reader}' in the scores, got {got}"
        raise UsageError(msg)
    return str(found[0])


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
        for row in _regress_summary(group.set_index("rater"), baseline, good)
    ]
    return pd.DataFrame(rows, columns=["label", "rater", *_COLUMNS])


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


def _regress_summary(summary: pd.DataFrame, baseline: str, direction: Direction) -> Iterator[dict[str, Any]]:
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
