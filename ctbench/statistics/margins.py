"""Equivalence: the claim that a model is as good as the readers, which "not different (p > .05)" does not make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr

from ctbench.errors import UsageError
from ctbench.statistics.direction import Direction, direction_in
from ctbench.statistics.estimate import ALPHA, t_half_width, t_quantile
from ctbench.statistics.pairing import pairings
from ctbench.statistics.pairs import Numbers
from ctbench.statistics.tidy import as_names, checked, expect_one, reader_rows

__all__ = ["equivalence", "within_readers"]


def equivalence(
    scores: pd.DataFrame,
    *,
    model: str,
    margin: float,
    by: str | Sequence[str] = "label",
    direction: Direction | str | None = None,
) -> pd.DataFrame:
    """Test whether a model is equivalent to, or not inferior to, each other rater within a margin.

    Two one-sided paired t tests (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 1987;15:657-680): the
    model is equivalent if the 90 % interval of its mean difference lies within the margin, and not inferior if the
    interval stays above the margin on the bad side. A model that is off by just the margin is called equivalent in 2 %
    (12 cases) to 6 % (50 cases) of simulated studies.

    Args:
        scores: tidy scores of one metric and dataset on one reference; for readers, on a reference that they did not
            help to make.
        model: the name of the model.
        margin: the largest difference that does not matter, in the unit of the metric; fixed before seeing the data.
        by: the columns that make a separate test each.
        direction: as in ``categorical_regression``.

    Returns:
        A row for each group and rater: the columns ``by``, ``rater``, ``n`` pairs, ``difference`` (the mean of model
        minus rater) with ``low, high`` (90 %), ``margin``, ``p_equivalence`` (the larger of the two), ``p_inferiority``
        (null for a metric that is good neither way), ``verdict`` (a clause for a person), ``rows_left_out``,
        ``reason``.

    Raises:
        UsageError: as ``paired_tests``; also a margin that is not positive.
    """
    if not margin > 0:
        msg = f"the margin of equivalence must be positive, got {margin}"
        raise UsageError(msg)
    groups, rows = as_names(by), []
    for head, rater, minus, left_out, group in pairings(scores, baseline=model, by=groups):
        tested = _two_one_sided(-minus, margin, direction_in(group, direction))
        rows.append(head | {"rater": rater, "n": len(minus)} | tested | {"rows_left_out": left_out})
    columns = ("rater", "n", "difference", "low", "high", "margin", "p_equivalence", "p_inferiority", "verdict")
    return pd.DataFrame(rows, columns=[*groups, *columns, "rows_left_out", "reason"])


def _two_one_sided(differences: Numbers, margin: float, direction: Direction) -> dict[str, Any]:
    n = len(differences)
    mean = float(differences.mean()) if n else math.nan
    empty = {"difference": mean, "low": math.nan, "high": math.nan, "margin": margin}
    if n < 2 or np.ptp(differences) == 0:
        reason = "fewer than two pairs" if n < 2 else "all differences are equal: no spread to compare with"
        nothing = {"p_equivalence": math.nan, "p_inferiority": math.nan, "verdict": "cannot be said", "reason": reason}
        return empty | nothing
    error, degrees = float(differences.std(ddof=1)) / math.sqrt(n), n - 1
    half = t_quantile(1 - ALPHA, degrees) * error
    above = float(stdtr(degrees, -(mean + margin) / error))  # of the difference being at most -margin
    below = float(stdtr(degrees, (mean - margin) / error))  # of its being at least +margin
    inferior = {Direction.HIGHER: above, Direction.LOWER: below, Direction.NEITHER: math.nan}[direction]
    return empty | {
        "low": mean - half,
        "high": mean + half,
        "p_equivalence": max(above, below),
        "p_inferiority": inferior,
        "verdict": _verdict(max(above, below), inferior, margin, differs=abs(mean) > t_half_width(error, degrees)),
        "reason": "",
    }


def _verdict(p_equivalence: float, p_inferiority: float, margin: float, *, differs: bool) -> str:
    if p_equivalence < ALPHA:
        return f"equivalent within {margin:g}" + (", though different" if differs else "")
    if p_inferiority < ALPHA:
        return f"not inferior by {margin:g}" + (", and different" if differs else "")
    return "different" if differs else "neither a difference nor equivalence is shown"


def within_readers(scores: pd.DataFrame, *, model: str, by: str | Sequence[str] = "label") -> pd.DataFrame:
    """Say whether a model's mean lies among those of the readers.

    Args:
        scores: tidy scores of one metric, reference and dataset.
        model: the name of the model.
        by: the columns that make a group.

    Returns:
        A row for each group: the columns ``by``, ``readers`` (how many), ``reader_lowest, reader_highest,
        reader_mean, reader_sd`` (of the readers' means), ``model_mean``, ``in_range`` (between the lowest and the
        highest reader), ``low, high`` (where the mean of one more reader would lie with 95 %: mean +- t sd
        sqrt(1 + 1 / readers)), ``in_interval``, ``reason``.

    Raises:
        UsageError: scores that are not tidy, several samples in a group, no reader, or an unknown model.
    """
    groups = as_names(by)
    scores = checked(scores, (*groups, "rater", "rater_kind"))
    expect_one(scores, ("metric", "reference", "dataset"), split=groups)
    reader_rows(scores, model=model)
    rows = []
    for key, group in scores.groupby(groups, sort=False, dropna=False, observed=True):
        means = group.groupby("rater", sort=False, observed=True)["value"].mean()
        readers = means[group.loc[group["rater_kind"].eq("reader"), "rater"].unique()].dropna().to_numpy()
        rows.append(dict(zip(groups, key, strict=True)) | _placed(float(means.get(model, math.nan)), readers))
    return pd.DataFrame(rows)


def _placed(mean: float, readers: Numbers) -> dict[str, Any]:
    k = len(readers)
    center, sd = (float(readers.mean()) if k else math.nan), (float(readers.std(ddof=1)) if k > 1 else math.nan)
    half = t_half_width(sd * math.sqrt(1 + 1 / k), k - 1) if k > 1 else math.nan
    lowest, highest = (float(readers.min()), float(readers.max())) if k else (math.nan, math.nan)
    reason = "" if k > 1 else f"{k} reader{'s' * (k != 1)} with values: no spread of readers"
    return {
        "readers": k,
        "reader_lowest": lowest,
        "reader_highest": highest,
        "reader_mean": center,
        "reader_sd": sd,
        "model_mean": mean,
        "in_range": lowest <= mean <= highest,
        "low": center - half,
        "high": center + half,
        "in_interval": center - half <= mean <= center + half,
        "reason": reason if math.isfinite(mean) else f"no values of the model{'; ' if reason else ''}{reason}",
    }
