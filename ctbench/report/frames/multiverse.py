"""Multiverse: the same scores ranked under every admissible choice, and which conclusions survive (specifications)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.metrics.lesions import PROTOCOLS
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.lesion_summaries import chief_values
from ctbench.report.frames.tables import ALL_READERS, LEAVE_ONE_OUT
from ctbench.report.wording import metric_title, percent
from ctbench.scores import RaterKind, Status, left_out
from ctbench.statistics import Direction, Population, direction_of, populated

__all__ = [
    "CHOICES",
    "LESIONS",
    "better_first",
    "can_turn",
    "closest_pair",
    "conclusions",
    "option_title",
    "specifications",
    "summary_of",
    "turning_points",
]

CHOICES = ("rules", "structures", "metric", "protocol", "reference", "population", "aggregate")
"""The choices: consensus, tolerance and surface of the runs; what is averaged over; metric; protocol of lesions (empty
for metrics of voxels); reference; cases; mean."""

LESIONS = "lesions"
"""In place of a metric: the figure by which a protocol of lesions ranks."""

_AGGREGATES = ("mean", "median", "mean rank")

_POPULATIONS = {
    "positives": "positives",
    "penalise": "false alarms as 0",
    "full-marks": "both empty as 1",
}


def option_title(choice: str, option: str) -> str:
    """Return an option of one of ``CHOICES`` as written in text: metrics by their titles, populations in words."""
    if choice == "metric":
        return "each protocol's figure" if option == LESIONS else metric_title(option)
    return _POPULATIONS.get(option, option) if choice == "population" else option


def can_turn(results: ComparableRuns) -> bool:
    """Return whether there are two raters whose order could depend on a choice."""
    return len(results.models) + bool(results.leave_one_out and results.readers) > 1


def specifications(
    compared: Sequence[ComparableRuns],
    metrics: Sequence[str] | None = None,
    lesions: Sequence[pd.DataFrame] = (),
) -> pd.DataFrame:
    """Rank models, and the readers as one, under every combination of choices that the stored scores allow.

    Rules are those that the runs were scored by: runs of the same models with another consensus, tolerance or surface
    add theirs. References are ``leave-one-out`` and the common one; on the latter the readers are not ranked, because
    they made it. Populations are those of ``statistics.populated``. A value of a case is the mean over the structures
    that have one, then over the references; these are averaged, or their median is taken, or the raters are ranked in
    each case that all of them have and their ranks averaged.

    Args:
        compared: Comparable runs on one dataset.
        metrics: Names of metrics; None: the chief ones that have a better direction.
        lesions: ``LesionTables.cases`` of ``lesion_summaries.compared_lesions`` for each of the comparable runs. Models
            are then ranked by the figure of each protocol of lesions too, on the common reference. Default: none.

    Returns:
        A row for each combination and rater: ``CHOICES``, ``rater``, ``n`` cases, ``value``, ``rank`` (1 is best;
        equal values share the better rank), ``merit`` (the value, or its negative where less is better).

    Raises:
        UsageError: The runs are on several datasets, a metric was not scored or has no better direction, or there are
            not two raters to compare.
    """
    names = {results.dataset for results in compared}
    if len(names) != 1:
        msg = f"expected runs on one dataset, got {', '.join(sorted(names))}"
        raise UsageError(msg)
    values = [found for results in compared for found in _values(results, _metrics(results, metrics))]
    for results, cases in zip(compared, lesions, strict=False):
        values += _lesion_values(results, cases)
    parts = [_ranked(wide, {**at, "aggregate": aggregate}) for at, wide in values for aggregate in _AGGREGATES]
    if not parts:
        msg = "there are not two models, or a model and readers, with scores to compare"
        raise UsageError(msg)
    return pd.concat(parts, ignore_index=True)


def conclusions(ranked: pd.DataFrame) -> pd.DataFrame:
    """Return for each pair of raters in which share of the combinations the first is better.

    Args:
        ranked: As ``specifications`` returns it.

    Returns:
        A row for each ordered pair that meets in some combination: ``first``, ``second``, ``combinations``, ``share``
        (of those in which the first is better; equal values count half), ``turned_by`` (the choice whose options differ
        most in that share; empty where all combinations agree) and ``options`` (the titles of its options with their
        shares).
    """
    wide = ranked.pivot_table(index=list(CHOICES), columns="rater", values="merit", observed=True, sort=False)
    merits = {str(rater): wide[rater].to_numpy() for rater in wide}
    levels = {name: pd.factorize(wide.index.get_level_values(name)) for name in CHOICES}
    rows = []
    for first, second in itertools.permutations(merits, 2):
        both = ~(np.isnan(merits[first]) | np.isnan(merits[second]))
        if not both.any():
            continue
        better = (1 + np.sign(merits[first][both] - merits[second][both])) / 2
        by = {name: _shares(better, codes[both], options) for name, (codes, options) in levels.items()}
        widest = max(CHOICES, key=lambda name: max(by[name].values(), default=0) - min(by[name].values(), default=0))
        turns = len(set(by[widest].values())) > 1
        shares = [f"{percent(share, 0)} with {option_title(widest, option)}" for option, share in by[widest].items()]
        options = "; ".join(shares) if turns else ""
        rows.append((first, second, len(better), float(better.mean()), widest if turns else "", options))
    return pd.DataFrame(rows, columns=["first", "second", "combinations", "share", "turned_by", "options"])


def _shares(better: NDArray[np.float64], codes: NDArray[np.integer], options: pd.Index) -> dict[str, float]:
    """Return option -> mean of ``better`` where it was chosen, for the options that were; an empty one is none."""
    counts = np.bincount(codes, minlength=len(options))
    sums = np.bincount(codes, better, minlength=len(options))
    return {str(options[at]): float(sums[at] / counts[at]) for at in np.flatnonzero(counts).tolist() if options[at]}


def better_first(found: pd.DataFrame) -> pd.Series:
    """Return which rows of ``conclusions`` name each pair once, with the rater first that is better more often."""
    return (found["share"] > 0.5) | ((found["share"] == 0.5) & (found["first"] < found["second"]))


def closest_pair(found: pd.DataFrame) -> tuple[str, str]:
    """Return the pair of ``conclusions`` whose share is nearest to a half."""
    row = found[better_first(found)].sort_values("share", kind="stable").iloc[0]
    return str(row["first"]), str(row["second"])


def summary_of(found: pd.DataFrame) -> str:
    """Return in words how many pairs of ``conclusions`` keep their order everywhere, and what turns the closest."""
    upper = found[better_first(found)]
    first, second = closest_pair(found)
    kept = int((upper["share"] == 1).sum())
    row = upper[(upper["first"] == first) & (upper["second"] == second)].iloc[0]
    closest = f"{first} is better than {second} in {percent(row['share'], 0)} of {row['combinations']}"
    turned = f"; the {row['turned_by']} turns it most: {row['options']}" if row["turned_by"] else ""
    return f"{kept} of {len(upper)} pairs keep their order in every combination. Closest to a tie: {closest}{turned}."


def turning_points(ranked: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Return the combinations in the order of the difference of two raters, as a specification curve shows them.

    Differences of several metrics are comparable in sign only.

    Args:
        ranked: As ``specifications`` returns it.
        first: Name of a rater.
        second: Name of the other.

    Returns:
        A row for each combination that has both: ``CHOICES``, ``difference`` (in merit, first minus second), ``place``
        (1 has the lowest difference) and ``better`` (the name of the better one; empty if they are equal).

    Raises:
        UsageError: No combination has both.
    """
    wide = ranked.pivot_table(index=list(CHOICES), columns="rater", values="merit", observed=True, sort=False)
    absent = [name for name in (first, second) if name not in wide]
    if absent or wide[[first, second]].dropna().empty:
        known = ", ".join(map(str, wide.columns))
        msg = f"{first} and {second} do not meet in any combination; expected two of {known}"
        raise UsageError(msg)
    both = wide[[first, second]].dropna()
    table = (both[first] - both[second]).rename("difference").reset_index()
    table = table.sort_values("difference", kind="stable", ignore_index=True)
    better = np.select([table["difference"] > 0, table["difference"] < 0], [first, second], "")
    return table.assign(place=np.arange(1, len(table) + 1), better=better)


def _metrics(results: ComparableRuns, wanted: Sequence[str] | None) -> list[str]:
    if wanted is None:
        return [name for name in results.chief_metrics if direction_of(name) is not Direction.NEITHER]
    for name in wanted:
        if name not in results.metrics or direction_of(name) is Direction.NEITHER:
            known = [one for one in results.metrics if direction_of(one) is not Direction.NEITHER]
            msg = f"{name} cannot be ranked; expected metrics with a better direction among {', '.join(known)}"
            raise UsageError(msg)
    return list(wanted)


def _values(results: ComparableRuns, metrics: Sequence[str]) -> list[tuple[dict[str, str], pd.DataFrame]]:
    """Return for each choice but the aggregate the values: cases x raters, null where a rater has none."""
    found = []
    scores = results.scores.drop(columns="negative", errors="ignore")
    for population in get_args(Population):
        judged = populated(scores, population)
        judged = judged[judged["status"] != Status.UNSUPPORTED]
        for over, models in results.scopes.items():
            named = judged[judged["label"].isin(over) & judged["metric"].isin(metrics)]
            tables = {reference: _by_metric(_on(named, reference, models)) for reference in results.references}
            for metric, reference in itertools.product(metrics, tables):
                wide = tables[reference].get(metric)
                if wide is not None and wide.shape[1] > 1:
                    at = {"rules": _rules(results), "structures": results.scope_title(over), "metric": metric}
                    found.append((at | {"protocol": "", "reference": reference, "population": population}, wide))
    return found


def _by_metric(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return metric -> cases x raters: the mean over the structures that have a value, then over the references."""
    keys = ["metric", "case", "rater"]
    each = rows.groupby([*keys, "reference"], observed=True)["value"].mean()
    means = each.groupby(keys, observed=True).mean().dropna()
    parts = means.groupby("metric", observed=True)
    return {str(metric): part.droplevel("metric").unstack("rater") for metric, part in parts}  # noqa: PD010  # no duplicates to pivot


def _lesion_values(results: ComparableRuns, cases: pd.DataFrame) -> list[tuple[dict[str, str], pd.DataFrame]]:
    """Return the same of the figure by which each protocol of lesions ranks, of models on the common reference."""
    found = []
    own = cases[cases["rater_kind"].eq(RaterKind.MODEL) & cases["reference"].eq(results.common)]
    for population in get_args(Population):
        judged = own.assign(value=chief_values(own, population))
        for over, models in results.scopes.items():
            named = judged[judged["label"].isin(over) & judged["rater"].isin(models)]
            for protocol, rows in named.groupby("protocol", sort=False):
                wide = rows.pivot_table(index="case", columns="rater", values="value", aggfunc="mean")
                if wide.shape[1] > 1:
                    titled = results.scope_title([name for name in over if name in set(rows["label"])])
                    at = {"rules": _rules(results), "structures": titled, "metric": LESIONS, "protocol": str(protocol)}
                    found.append((at | {"reference": results.common, "population": population}, wide))
    return found


def _rules(results: ComparableRuns) -> str:
    manifest = results.manifest
    return f"{manifest.consensus}, tolerance {_tolerance(manifest.tolerance_mm)}, {manifest.surface} surfaces"


def _tolerance(tolerance_mm: object) -> str:
    return f"{tolerance_mm:g} mm" if isinstance(tolerance_mm, float | int) else "by structure"


def _on(rows: pd.DataFrame, reference: str, models: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the models, and of the readers as one where each stands on a reference of the others."""
    is_model = rows["rater"].isin(models)
    if reference != LEAVE_ONE_OUT:
        return rows[is_model & (rows["reference"] == reference)]
    without = rows["reference"].map(left_out)
    own = (rows["rater_kind"] == RaterKind.READER) & (without == rows["rater"])
    together = rows[own].assign(rater=ALL_READERS)
    return pd.concat([rows[is_model & without.notna()].astype({"rater": object}), together], ignore_index=True)


def _ranked(values: pd.DataFrame, at: dict[str, str]) -> pd.DataFrame:
    metric = PROTOCOLS[at["protocol"]].chief if at["protocol"] else at["metric"]
    sign = -1.0 if direction_of(metric) is Direction.LOWER or metric.endswith("_volume_ml") else 1.0
    if at["aggregate"] == "mean rank":
        whole = values.dropna()
        shown = (sign * whole).rank(axis=1, ascending=False).mean()
        merit, counts = -shown, np.full(values.shape[1], len(whole))
    else:
        shown = values.mean() if at["aggregate"] == "mean" else values.median()
        merit, counts = sign * shown, values.count().to_numpy()
    rank = merit.rank(ascending=False, method="min")
    columns = {"rater": shown.index.astype(str), "n": counts, "value": shown, "rank": rank, "merit": merit}
    return pd.DataFrame({**{choice: at[choice] for choice in CHOICES}, **columns}).reset_index(drop=True)
