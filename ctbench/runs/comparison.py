"""Paired comparison of two runs on the same cases, structure by structure, to find regressions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from ctbench.errors import UsageError
from ctbench.runs.folder import Run
from ctbench.scores import RaterKind, leave_one_out_rows
from ctbench.statistics import ALPHA, Direction, direction_of, overall, paired_tests

__all__ = ["Drop", "compare", "drops"]

COLUMNS = ["metric", "label", "n", "first", "second", "difference", "low", "high", "p", "p_holm", "worse", "reason"]
"""The columns of a comparison."""

_ALIKE = ("dataset", "labels", "groups", "consensus", "surface", "tolerance_mm", "rater_kind")


@dataclass(frozen=True, slots=True)
class Drop:
    """Which change of a metric counts as a drop.

    Args:
        metric: Name of the metric.
        change: Mean difference, second minus first, beyond which it counts, with the sign of the worse direction;
            None: a difference for the worse with p < .05 after Holm's correction.
    """

    metric: str
    change: float | None = None

    @classmethod
    def parse(cls, text: str) -> Drop:
        """Read ``METRIC:CHANGE``, e.g. ``dice:-0.005`` or ``hd95:+1``, or ``METRIC:significant``.

        Raises:
            UsageError: The text does not have that form, or the change would be for the better.
        """
        metric, _, change = text.partition(":")
        if change == "significant":
            return cls(metric)
        try:
            number = float(change)
        except ValueError:
            number = math.nan
        if not metric or not math.isfinite(number):
            msg = f"expected METRIC:CHANGE or METRIC:significant, e.g. dice:-0.005; got {text!r}"
            raise UsageError(msg)
        wrong = {Direction.HIGHER: number > 0, Direction.LOWER: number < 0, Direction.NEITHER: False}
        if wrong[direction_of(metric)]:
            msg = f"{text!r} would fail on a change for the better; use the opposite sign"
            raise UsageError(msg)
        return cls(metric, number)


def compare(first: Run, second: Run, metrics: Iterable[str] = ("dice",)) -> pd.DataFrame:
    """Compare two runs on their common cases, against the reference of all readers.

    Args:
        first: The earlier run.
        second: The later run.
        metrics: Names of the metrics to compare.

    Returns:
        A row for each metric and structure (``overall``: the mean of each case over all labels), the worst first:
        ``metric, label, n`` pairs, ``first, second`` (means over the pairs), ``difference`` (second minus first) with
        ``low, high`` (95 %), ``p`` (Wilcoxon signed-rank), ``p_holm`` (over all rows), ``worse`` (for the worse with
        ``p_holm`` < .05), ``reason`` (why no test was made). Structures with values in the first run only come first,
        with ``n`` 0: they are worse.

    Raises:
        UsageError: The runs are of readers, were scored on different data or by different rules, or lack a metric.
    """
    metrics = list(dict.fromkeys(metrics))
    _expect_comparable(first, second, metrics)
    known = pd.concat([_scores(first, "first", metrics), _scores(second, "second", metrics)], ignore_index=True)
    both = _paired(known)
    if both.empty:
        msg = f"{first.folder} and {second.folder} have no case with values in both; nothing can be compared"
        raise UsageError(msg)
    table = paired_tests(both, baseline="first", by=("metric", "label"))
    means = both.groupby(["metric", "label", "rater"])["value"].mean().unstack("rater")  # noqa: PD010  # of three keys
    table = table.merge(means, left_on=["metric", "label"], right_index=True)
    directions = table["metric"].map(direction_of)
    sign = directions.map({Direction.HIGHER: 1.0, Direction.LOWER: -1.0, Direction.NEITHER: math.nan})
    table = table.assign(worse=(table["difference"] * sign < 0) & (table["p_holm"] < ALPHA))
    loss = (table["difference"] * sign).fillna(-table["difference"].abs())
    order = table.assign(loss=loss, place=table["metric"].map(metrics.index)).sort_values(["place", "loss"]).index
    return pd.concat([_lost(known), table.loc[order, COLUMNS]], ignore_index=True)


def drops(table: pd.DataFrame, rules: Sequence[Drop] = ()) -> pd.DataFrame:
    """Return the rows of ``compare`` that are drops; without rules, all that are significantly worse."""
    if not rules:
        return table[table["worse"]]
    found = pd.Series(data=False, index=table.index)
    for rule in rules:
        own = table["metric"] == rule.metric
        if rule.change is None:
            found |= own & table["worse"]
        else:
            good = direction_of(rule.metric)
            down = good is Direction.HIGHER or (good is Direction.NEITHER and rule.change < 0)
            beyond = table["difference"] < rule.change if down else table["difference"] > rule.change
            found |= own & (beyond | (table["n"] == 0))
    return table[found]


def _expect_comparable(first: Run, second: Run, metrics: Sequence[str]) -> None:
    one, other = first.manifest, second.manifest
    if one.rater_kind == RaterKind.READER and other.rater_kind == RaterKind.READER:
        msg = "both runs are of readers; compare two runs of models"
        raise UsageError(msg)
    differing = [name for name in _ALIKE if getattr(one, name) != getattr(other, name)]
    differing += [f"the version of {name}" for name in metrics if one.metrics.get(name) != other.metrics.get(name)]
    if one.cases == other.cases and one.dataset_fingerprint != other.dataset_fingerprint:
        differing.append("dataset_fingerprint")
    if differing:
        msg = (
            f"{first.folder} and {second.folder} cannot be compared: they differ in {', '.join(differing)}; "
            "score both by the same rules"
        )
        raise UsageError(msg)
    absent = [name for name in metrics if name not in one.metrics]
    if absent:
        msg = f"the runs have no metric {', '.join(absent)}; they have {', '.join(one.metrics)}"
        raise UsageError(msg)


def _scores(run: Run, name: str, metrics: Sequence[str]) -> pd.DataFrame:
    scores = run.scores
    common = ~leave_one_out_rows(scores["reference"])
    chosen = scores[common & scores["metric"].isin(metrics)].assign(rater=name)
    labels = [label for label in run.manifest.labels if label in set(chosen.loc[chosen["value"].notna(), "label"])]
    return pd.concat([chosen, overall(chosen, labels=labels)], ignore_index=True) if len(labels) > 1 else chosen


def _lost(scores: pd.DataFrame) -> pd.DataFrame:
    """Return rows for structures without values in the second run, e.g. because its predictor does not claim them."""
    known = scores[scores["value"].notna()]
    keys = ["metric", "label"]
    now = set(known.loc[known["rater"] == "second", keys].itertuples(index=False, name=None))
    means = known[known["rater"] == "first"].groupby(keys, sort=False)["value"].mean()
    reason = "the second run has no values of it"
    rows = [
        {"metric": row["metric"], "label": row["label"], "n": 0, "first": row["value"], "worse": True, "reason": reason}
        for row in means.reset_index().to_dict("records")
        if (row["metric"], row["label"]) not in now
    ]
    types = dict.fromkeys(["first", "second", "difference", "low", "high", "p", "p_holm"], float)
    return pd.DataFrame(rows, columns=COLUMNS).astype({**types, "n": int, "worse": bool})


def _paired(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the cases with a value in both runs, so that means and differences are of the same cases."""
    known = scores[scores["value"].notna()]
    partners = known.groupby(["case", "label", "metric"])["rater"].transform("nunique")
    return known[partners == 2]
