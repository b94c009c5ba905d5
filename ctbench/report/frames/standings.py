"""The ranking table of a leaderboard: ranks with intervals, means, counts, and the reason where there is no rank."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ctbench.boards.grid import StoredGrid
from ctbench.report import explanations
from ctbench.report.frames import tables
from ctbench.report.frames.calls_beside import calls_beside
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.contestants import Contest, contest, ranked_names
from ctbench.report.frames.rankings import RESAMPLES
from ctbench.report.frames.summaries import contest_means
from ctbench.report.wording import metric_title
from ctbench.scores import RaterKind, Status
from ctbench.statistics import Direction, direction_of, rank_values

__all__ = ["STANDING_COLUMNS", "standings"]

STANDING_COLUMNS = (
    *("rater", "rater_kind", "rank", "rank_low", "rank_high", "p_first", "tied_with_first"),
    *("mean", "low", "high", "median", "sd"),
    *("n", "undefined", "penalised", "failed", "misses", "positives", "false_alarms", "negatives"),
    *("specificity", "specificity_low", "specificity_high", "false_ml"),
    *("seconds", "version", "date", "checked", "trained_here", "run", "reason"),
)
"""The columns of ``standings``, in the order in which they are shown."""


def standings(
    runs: ComparableRuns,
    grids: Sequence[StoredGrid],
    over: Sequence[str],
    metric: str,
    reference: str,
    *,
    cases: Sequence[str] | None = None,
    patients: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Rank the models, and the readers as one among them where references without each reader allow it.

    Args:
        runs: Runs on one dataset.
        grids: Their scores, one grid for each reference that ``reference`` stands for.
        over: Names of the structures that a mean is taken over; one name for a single structure.
        metric: Name of the metric.
        reference: Name of the reference, or ``leave-one-out``.
        cases: Ids of the cases of a subgroup; None: all cases.
        patients: Case -> patient; patients are compared as a whole. None: every case is a patient of its own.

    Returns:
        A row for each rater with ``STANDING_COLUMNS``, the ranked ones first, best first: ``rank_low, rank_high`` hold
        the 95 % confidence set of the rank, ``p_first`` and ``tied_with_first`` are those of ``statistics.rank``,
        ``low, high`` are the 95 % interval of the mean over ``n`` positives, the
        same for all that are ranked; ``undefined`` counts cases without a value, ``penalised`` structures of cases that
        count with the worst value, ``failed`` cases without a prediction; ``misses`` to ``false_ml`` are those of
        ``calls_beside``; ``date`` is that of the submission, ``checked`` one of ``ctbench.boards.CHECKED``; ``reason``
        says why there is no rank.
    """
    if cases is not None:
        chosen = set(cases)
        grids = [grid.of_cases(chosen) for grid in grids]
    refused = _refused(runs, grids, over, metric)
    ranked = _contest(runs, grids, over, metric, reference, refused)
    table = _ranks(ranked, metric, patients)
    known = [name for name in runs.models if name not in refused]
    means = contest_means(grids, over, metric, reference, runs.name_of, runs.readers, known, ranked, patients=patients)
    table = means.merge(table, on="rater", how="outer")
    table = table.merge(calls_beside(runs, over, reference, cases), on="rater", how="left")
    table["rater_kind"] = table["rater_kind"].fillna(RaterKind.MODEL.value)
    table = _with_cards(table, runs).assign(reason=lambda rows: _reasons(rows, refused, metric, reference))
    order = [*("rank", "mean", "rater")]
    better = direction_of(metric) is not Direction.LOWER
    table = table.sort_values(order, ascending=[True, not better, True], na_position="last", kind="stable")
    return table.reindex(columns=list(STANDING_COLUMNS)).reset_index(drop=True)


def _refused(runs: ComparableRuns, grids: Sequence[StoredGrid], over: Sequence[str], metric: str) -> dict[str, str]:
    """Return model -> why it cannot be ranked for these structures, metric and references."""
    models = runs.index[runs.index["rater_kind"] == RaterKind.MODEL]
    versions = {
        name: json.loads(text).get(metric) for name, text in zip(models["name"], models["metrics"], strict=True)
    }
    known = pd.Series(list(versions.values()), dtype=object).dropna()
    usual = known.mode().iloc[0] if len(known) else None
    refused: dict[str, str] = {}
    unknown = _unknown(runs, grids, over)
    present = [{runs.name_of(entry) for entry in grid.entries} for grid in grids]
    everywhere = set.intersection(*present) if present else set()
    for name, text in zip(models["name"], models["overall_of"], strict=True):
        if name in runs.demo_models:
            refused[name] = f"learnt on {explanations.DEMO}"
        elif versions[name] is None:
            refused[name] = f"not scored by {metric_title(metric)}"
        elif versions[name] != usual:
            refused[name] = f"scored by version {versions[name]} of {metric_title(metric)}; here it is {usual}"
        elif len(over) > 1 and tuple(json.loads(text)) != tuple(over):
            refused[name] = f"its overall mean goes over {', '.join(json.loads(text))}"
        elif name in unknown:
            refused[name] = "does not claim to know this structure"
        elif name not in everywhere:
            refused[name] = "has no scores against this reference"
    return refused


def _unknown(runs: ComparableRuns, grids: Sequence[StoredGrid], over: Sequence[str]) -> set[str]:
    """Return the models of which every score of these structures is ``unsupported``."""
    if not grids:
        return set()
    grid = grids[0]
    unvalued, lacking = np.ones(len(grid.entries), bool), np.zeros(len(grid.entries), bool)
    for label in over:
        own = grid.select(labels=[label])
        unvalued &= np.isnan(own.values).all(axis=(0, 1))
        lacking |= own.having((Status.UNSUPPORTED,)).any(axis=(0, 1))
        if not unvalued.any():
            break
    return {runs.name_of(grid.entries[at]) for at in np.flatnonzero(lacking & unvalued)}


def _contest(
    runs: ComparableRuns,
    grids: Sequence[StoredGrid],
    over: Sequence[str],
    metric: str,
    reference: str,
    refused: Mapping[str, str],
) -> Contest:
    models = [name for name in runs.models if name not in refused]
    if direction_of(metric) is Direction.NEITHER or not models:
        return contest([], [], over, name_of=runs.name_of)
    return contest(grids, ranked_names(models, reference), over, name_of=runs.name_of)


def _ranks(ranked: Contest, metric: str, patients: Mapping[str, str] | None) -> pd.DataFrame:
    columns = ["rater", "rank", "rank_low", "rank_high", "p_first", "tied_with_first"]
    if not ranked.cases:
        return pd.DataFrame(columns=columns)
    owners = [(patients or {}).get(case, case) for case in ranked.cases]
    return rank_values(ranked.values, ranked.names, better=direction_of(metric), clusters=owners, resamples=RESAMPLES)[
        columns
    ]


def _with_cards(table: pd.DataFrame, runs: ComparableRuns) -> pd.DataFrame:
    cards = runs.index[["name", "run", "version", "submitted", "checked", "seconds", "trained_here", "rater_kind"]]
    models = cards[cards["rater_kind"] == RaterKind.MODEL].drop(columns="rater_kind")
    models = models.rename(columns={"name": "rater", "submitted": "date"})
    everyone = table.merge(models, on="rater", how="outer")
    everyone["rater_kind"] = everyone["rater_kind"].fillna(RaterKind.MODEL.value)
    return everyone


def _reasons(rows: pd.DataFrame, refused: Mapping[str, str], metric: str, reference: str) -> list[str]:
    said = []
    for row in rows.to_dict("records"):
        if row["rater"] in refused and row["rater_kind"] == RaterKind.MODEL:
            said.append(refused[row["rater"]])
        elif row["rater_kind"] == RaterKind.READER:
            alone = reference == tables.LEAVE_ONE_OUT
            said.append("stands on a reference of its own" if alone else "helped to make this reference")
        elif pd.isna(row["rank"]):
            neither = direction_of(metric) is Direction.NEITHER
            said.append(
                f"{metric_title(metric)} has no better direction" if neither else "no case has values of all raters"
            )
        else:
            said.append("")
    return said
