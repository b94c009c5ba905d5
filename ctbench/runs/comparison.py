"""Two runs on the same cases, structure by structure: did a mean, a miss or a false alarm get worse?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ctbench.errors import UsageError
from ctbench.runs.folder import Run
from ctbench.scores import UNDEFINED, RaterKind, leave_one_out_rows
from ctbench.statistics import (
    ALPHA,
    OVERALL,
    Direction,
    direction_of,
    false_alarms,
    overall,
    paired_tests,
    populated,
)

__all__ = ["COUNTS", "DEFAULT_RULE", "Drop", "compare", "drops"]

COLUMNS = ["metric", "label", "n", "first", "second", "difference", "low", "high", "p", "p_holm", "worse", "reason"]
"""The columns of a comparison."""

COUNTS = ("false-alarms", "misses", "lost", "undefined")
"""What is counted beside the means, and can be named like a metric; less is better."""

_ALIKE = ("dataset", "labels", "groups", "consensus", "surface", "tolerance_mm", "rater_kind")


@dataclass(frozen=True, slots=True)
class Drop:
    """Which change of a metric counts as a drop.

    Args:
        metric: Name of the metric, or one of ``COUNTS``.
        change: The difference of means or counts, second minus first, beyond which it is one; its sign says which way.
            None: a difference for the worse with p < .05 after Holm's correction; of a count, any for the worse.
    """

    metric: str
    change: float | None = None

    @classmethod
    def parse(cls, text: str) -> Drop:
        """Read ``METRIC:CHANGE``, e.g. ``dice:-0.005``, ``hd95:+1`` or ``misses:+0``, or ``METRIC:significant``.

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
        if wrong[_direction(metric)]:
            msg = f"{text!r} would fail on a change for the better; use the opposite sign"
            raise UsageError(msg)
        return cls(metric, number)


DEFAULT_RULE = Drop("false-alarms", 0.0)
"""Unless a rule of their own is given, more false alarms are a drop: no mean over positives shows them."""


def _direction(metric: str) -> Direction:
    return Direction.LOWER if metric in COUNTS else direction_of(metric)


def compare(first: Run, second: Run, metrics: Iterable[str] = ("dice",)) -> pd.DataFrame:
    """Compare two runs on the cases that both have, against the reference of all readers.

    Args:
        first: The earlier run.
        second: The later run.
        metrics: Names of the metrics.

    Returns:
        A row for each metric and structure (``overall``: the mean of each case over all labels), the worst first:
        ``metric, label, n`` pairs of positives, ``first, second`` (means over the pairs), ``difference`` (second minus
        first) with ``low, high`` (95 %), ``p`` (Wilcoxon signed-rank), ``p_holm`` (over all rows), ``worse`` (for the
        worse with ``p_holm`` < .05), ``reason`` (why there is no test). A structure that only the first run has values
        of stands above all others, with ``n`` 0: it is worse. Below them a row for each structure and count, if it is
        not 0 in both: ``false-alarms`` (of ``n`` negatives), ``misses`` (of ``n`` positives), ``lost`` (cases without
        a prediction) and ``undefined`` (positives without a value of one of the metrics); more is worse.

    Raises:
        UsageError: The runs are of readers, were scored on other data or by other rules, or lack a metric.
    """
    metrics = list(dict.fromkeys(metrics))
    _expect_comparable(first, second, metrics)
    judged = _judged(first, second)
    known = _chosen(judged, [*first.manifest.labels], metrics)
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
    counts = _counts(judged, [*first.manifest.labels], metrics)
    return pd.concat([_lost(known), table.loc[order, COLUMNS], counts], ignore_index=True)


def drops(table: pd.DataFrame, rules: Sequence[Drop] = ()) -> pd.DataFrame:
    """Return the rows of ``compare`` that are drops.

    Args:
        table: As ``compare`` returns it.
        rules: What is a drop; empty: means that are significantly worse. ``DEFAULT_RULE`` is added unless one of the
            rules is about false alarms.
    """
    found = pd.Series(data=False, index=table.index)
    if not rules:
        found |= table["worse"] & ~table["metric"].isin(COUNTS)
    if all(rule.metric != DEFAULT_RULE.metric for rule in rules):
        rules = [*rules, DEFAULT_RULE]
    for rule in rules:
        own = table["metric"] == rule.metric
        if rule.change is None:
            found |= own & table["worse"]
        else:
            good = _direction(rule.metric)
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


def _judged(first: Run, second: Run) -> pd.DataFrame:
    """Return all scores of both runs on their common cases and reference, as raters ``first`` and ``second``."""
    cases = set(first.scores["case"]) & set(second.scores["case"])
    both = pd.concat([first.scores.assign(rater="first"), second.scores.assign(rater="second")], ignore_index=True)
    return populated(both[~leave_one_out_rows(both["reference"]) & both["case"].isin(cases)])


def _chosen(judged: pd.DataFrame, labels: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Return the scores of some metrics, with the mean of each case over the labels that a run has values of."""
    chosen = judged[judged["metric"].isin(metrics)]
    parts = [chosen]
    for _, own in chosen.groupby("rater", sort=False):
        valued = set(own.loc[own["value"].notna(), "label"])
        over = [label for label in labels if label in valued]
        parts += [overall(own, labels=over)] if len(over) > 1 else []
    return pd.concat(parts, ignore_index=True)


def _counts(judged: pd.DataFrame, labels: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Return the rows of ``COUNTS``, the worst first."""
    calls = false_alarms(judged).merge(_undefined(judged, metrics), on=["label", "rater"], how="left")
    calls["judged"] = calls["positives"] + calls["negatives"]
    whole = calls[calls["label"].isin(labels)].groupby("rater", sort=False).sum(numeric_only=True).reset_index()
    if len(labels) > 1:
        calls = pd.concat([calls, whole.assign(label=OVERALL)], ignore_index=True)
    sides = [calls[calls["rater"] == name].set_index("label") for name in ("first", "second")]
    sizes = {"false-alarms": "negatives", "misses": "positives", "lost": "judged", "undefined": "positives"}
    rows: list[dict[str, Any]] = []
    for name in COUNTS:
        before, after, n = sides[0][name.replace("-", "_")], sides[1][name.replace("-", "_")], sides[1][sizes[name]]
        for label in (label for label in after.index if label in before.index and (before[label] or after[label])):
            change = float(after[label] - before[label])
            row = {"metric": name, "label": label, "n": int(n[label]), "first": float(before[label])}
            row |= {"second": float(after[label]), "difference": change, "worse": change > 0}
            rows.append(row | {"reason": "a count: no test"})
    rows.sort(key=lambda row: -row["difference"])
    return _typed(rows)


def _undefined(judged: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the number of positives without a value of one of the metrics, by label and rater."""
    own = judged[judged["metric"].isin(metrics)]
    own = own.assign(undefined=own["status"].isin(UNDEFINED) & own["value"].isna() & ~own["negative"])
    return own.groupby(["label", "rater", "case"])["undefined"].any().groupby(["label", "rater"]).sum().reset_index()


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
    return _typed(rows)


def _typed(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    types = dict.fromkeys(["first", "second", "difference", "low", "high", "p", "p_holm"], float)
    return pd.DataFrame(rows, columns=COLUMNS).astype({**types, "n": int, "worse": bool})


def _paired(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the cases with a value in both runs, so that means and differences are of the same cases."""
    known = scores[scores["value"].notna()]
    partners = known.groupby(["case", "label", "metric"])["rater"].transform("nunique")
    return known[partners == 2]
