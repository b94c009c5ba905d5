"""One rater on two or more cohorts of cases: Welch's t test, and the papers' categorical regression."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ctbench.errors import UsageError
from ctbench.statistics.comparison import COMPARISON, compared_by_t, without_values
from ctbench.statistics.direction import Direction, direction_in
from ctbench.statistics.multiplicity import holm
from ctbench.statistics.populations import populated
from ctbench.statistics.regression import categorical_regression
from ctbench.statistics.tidy import OVERALL, as_names, checked, expect_known, expect_one

__all__ = ["cohort_tests"]

_COLUMNS = ("n", "n_baseline", *COMPARISON, "p_holm", "p_regression", "better_regression", "reason")


def cohort_tests(
    scores: pd.DataFrame,
    *,
    baseline: str,
    by: str | Sequence[str] = "label",
    direction: Direction | str | None = None,
) -> pd.DataFrame:
    """Compare the mean of one rater on each cohort with its mean on another cohort.

    The cohorts hold different patients, so the samples are independent. Welch's test lets the variances differ: a
    cohort of hard cases is often more variable. The test of Cai et al. 2020 (Table 4), ordinary least squares of the
    score on the cohort with one residual variance, stands beside it. A patient's scans count as one value, their mean,
    in both tests. Only positives count, see ``populated``.

    Args:
        scores: Tidy scores of one rater and metric, with the column ``cohort`` and optionally ``patient``. Each cohort
            has one reference; those of two cohorts may have different names.
        baseline: Name of the cohort with which all others are compared.
        by: Name or names of the columns whose values have separate tests.
        direction: Whether ``higher`` or ``lower`` values are better, or ``neither``. None (default): as known for the
            metric.

    Returns:
        One row per group and cohort except the baseline: the columns ``by``, ``cohort``, ``n`` and ``n_baseline``
        patients with a value, ``difference`` (cohort minus baseline), its 95 % interval ``low, high`` and ``p`` by
        Welch's test, ``higher`` (cohort with the higher mean), ``better`` (the better cohort if p < .05),
        ``p_holm`` (adjusted over the groups of one cohort, without a group ``overall``), ``p_regression`` and
        ``better_regression`` (the paper's asterisk), ``reason`` (why a number is null; else empty).

    Raises:
        UsageError: The scores are not tidy, hold several metrics or raters, a cohort has several references, the
            baseline is unknown, or two cohorts share a case or patient.
    """
    groups = as_names(by)
    scores = checked(scores, (*groups, "cohort", "case"))
    expect_one(scores, ("metric", "rater"), split=groups)
    for _, own in scores.groupby("cohort", sort=False):
        expect_one(own, ("reference", "dataset"), split=groups)
    expect_known(baseline, scores["cohort"].unique(), "cohort")
    units = _by_patient(populated(scores), groups)
    _expect_disjoint(units)
    rows = []
    for key, group in units.groupby(groups, sort=False, dropna=False, observed=True):
        head, good = dict(zip(groups, key, strict=True)), direction_in(group, direction)
        rows += [head | row for row in _welch(group, baseline, good)]
    table = pd.DataFrame(rows, columns=[*groups, "cohort", *_COLUMNS])
    single = table[groups].isin([OVERALL]).any(axis=1)
    for _, own in table[~single].groupby("cohort", sort=False):
        table.loc[own.index, "p_holm"] = holm(own["p"].to_numpy(float))
    return table


def _by_patient(scores: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """Return the mean of each patient's values; a case without a patient is a patient of its own."""
    unit = scores["patient"] if "patient" in scores.columns else scores["case"]
    keys = [*groups, *(name for name in ("metric", "dataset") if name in scores.columns and name not in groups)]
    valued = scores.assign(unit=unit)
    return valued.groupby(["cohort", "unit", *keys], sort=False, observed=True)["value"].mean().reset_index()


def _expect_disjoint(units: pd.DataFrame) -> None:
    keys = ["unit", *(["dataset"] if "dataset" in units.columns else [])]
    shared = units.groupby(keys, observed=True)["cohort"].nunique()
    twice = shared[shared > 1]
    if len(twice):
        first = twice.index[0]
        name = first[0] if isinstance(first, tuple) else first
        msg = f"{len(twice)} patients are in more than one cohort, first {name}; cohorts must not overlap"
        raise UsageError(msg)


def _welch(units: pd.DataFrame, baseline: str, direction: Direction) -> Iterator[dict[str, Any]]:
    valued = units.dropna(subset="value")
    samples = {str(name): own["value"].to_numpy(float) for name, own in valued.groupby("cohort", sort=False)}
    empty = np.empty(0)
    second = samples.get(baseline, empty)
    for name in (str(name) for name in units["cohort"].unique() if name != baseline):
        first = samples.get(name, empty)
        reason = without_values({name: len(first), baseline: len(second)})
        if not reason and min(len(first), len(second)) < 2:
            reason = "fewer than two patients in a cohort"
        row = _regression(valued, name, baseline, direction) if not reason else _UNTESTED
        difference = float(first.mean() - second.mean()) if len(first) and len(second) else math.nan
        error, degrees = _error(first, second) if not reason else (math.nan, math.nan)
        if not reason and error == 0:
            reason = "no spread in either cohort"
        yield {
            "cohort": name,
            "n": len(first),
            "n_baseline": len(second),
            **compared_by_t(difference, error, degrees, (name, baseline), direction),
            "p_holm": math.nan,
            **row,
            "reason": reason,
        }


_UNTESTED = {"p_regression": math.nan, "better_regression": ""}


def _error(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return the standard error of the difference of means, and Welch and Satterthwaite's degrees of freedom."""
    parts = [float(sample.var(ddof=1)) / len(sample) for sample in (first, second)]
    total = sum(parts)
    below = sum(part**2 / (len(sample) - 1) for part, sample in zip(parts, (first, second), strict=True))
    return math.sqrt(total), total**2 / below if below > 0 else math.nan


def _regression(units: pd.DataFrame, name: str, baseline: str, direction: Direction) -> dict[str, Any]:
    pair = units.loc[units["cohort"].isin([name, baseline]), ["cohort", "value"]].assign(label="one")
    table = categorical_regression(pair, baseline=baseline, category="cohort", direction=direction)
    row = table.to_dict("records")[0]
    return {"p_regression": row["p"], "better_regression": row["better"]}
