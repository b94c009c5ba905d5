"""The verdict on each model: rank, mean, readers reached, misses, false alarms, weakest structure, in one sentence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.equivalence import MARGIN, can_be_equivalent, equivalence_table
from ctbench.report.frames.standings import standings
from ctbench.report.frames.structure_means import structure_means, weakest_structure
from ctbench.report.frames.tables import ALL_READERS_KIND
from ctbench.report.wording import fixed, interval, listed, metric_title, unit_title, with_interval
from ctbench.scores import RaterKind
from ctbench.statistics import ALPHA, OVERALL

__all__ = ["VERDICT_COLUMNS", "against_readers", "rank_in_words", "verdicts"]

VERDICT_COLUMNS = (
    *("structures", "rater", "rater_kind", "rank", "rank_low", "rank_high", "ranked"),
    *("metric", "unit", "n", "mean", "low", "high", "margin", "reached", "readers"),
    *(
        "misses",
        "positives",
        "false_alarms",
        "negatives",
        "failed",
        "cases",
        "weakest",
        "weakest_mean",
        "reason",
        "sentence",
    ),
)
"""The columns of ``verdicts``."""

_FROM_STANDINGS = (
    *("rater", "rater_kind", "rank", "rank_low", "rank_high", "n", "mean", "low", "high"),
    *("misses", "positives", "false_alarms", "negatives", "failed", "reason"),
)


def verdicts(
    results: ComparableRuns,
    *,
    margin: float = MARGIN,
    models: Collection[str] | None = None,
    over: tuple[str, ...] | None = None,
) -> pd.DataFrame:
    """Judge each model against the other models and the readers, on the references that they share.

    Ranks, means and counts are those of ``standings``, the readers reached those of ``equivalence_table``, and the
    weakest structure is that of ``structure_means``.

    Args:
        results: Runs on one dataset.
        margin: The largest difference in Dice that does not matter.
        models: Names of the models to judge; the others only compete with them. None: all.
        over: One of ``results.scopes``. None: all of them.

    Returns:
        A row for each model, and for the readers as one, in each scope of structures (``structures`` names it), best
        first: ``rank`` of ``ranked`` raters with its 95 % confidence set ``rank_low, rank_high``; ``mean`` of
        ``metric`` over ``n`` positives with its 95 % interval ``low, high``; ``reached`` of ``readers``, to whom the
        model is not inferior by ``margin`` (null where nothing was tested); ``misses`` of ``positives`` and
        ``false_alarms`` of ``negatives``; ``failed`` of ``cases`` have no prediction; ``weakest`` structure with
        its mean; ``reason`` why there is no rank; ``sentence``, all of this in words.
    """
    scopes = results.scopes if over is None else {over: results.scopes[over]}
    parts = [_of_scope(results, own, named, margin, models) for own, named in scopes.items()]
    return pd.concat(parts, ignore_index=True).reindex(columns=list(VERDICT_COLUMNS))


def rank_in_words(row: Mapping[Any, Any]) -> str:
    """Return ``rank 2 of 4 (1 to 3)`` for a row of ``verdicts``, or why there is no rank.

    The interval is left out where it holds one rank only.

    Args:
        row: ``rank, rank_low, rank_high, reason`` as in ``standings``, and ``ranked``, how many raters have a rank.
    """
    if pd.isna(row["rank"]):
        return f"no rank: {row['reason']}" if row["reason"] else "no rank"
    certain = pd.isna(row["rank_low"]) or row["rank_low"] == row["rank_high"]
    between = "" if certain else f" ({interval(row['rank_low'], row['rank_high'], digits=0)})"
    return f"rank {row['rank']:.0f} of {row['ranked']:.0f}{between}"


def _of_scope(
    results: ComparableRuns, over: Sequence[str], named: Sequence[str], margin: float, wanted: Collection[str] | None
) -> pd.DataFrame:
    metric, fair = results.chief_metrics[0], results.fair
    table = standings(results, results.grids(metric, fair), over, metric, fair, patients=results.patients)
    ranked = int(table["rank"].notna().sum())
    judged = [name for name in named if wanted is None or name in wanted]
    table = table[table["rater"].isin(judged) | (table["rater_kind"] == ALL_READERS_KIND)]
    means = structure_means(results, over, named, metric) if len(over) > 1 else pd.DataFrame({"rater": []})
    rows = []
    for head in table[list(_FROM_STANDINGS)].to_dict("records"):
        rater = str(head["rater"])
        tested = _tested(results, rater, margin) if head["rater_kind"] == RaterKind.MODEL else None
        weakest, worst = weakest_structure(means, rater, metric) or ("", float("nan"))
        row = {
            **head,
            "structures": results.scope_title(over),
            "ranked": ranked,
            "cases": len(results.cases),
            "metric": metric,
            "unit": results.unit(metric),
            "margin": margin,
            "reached": None if tested is None else int((tested["p_inferiority"] < ALPHA).sum()),
            "readers": len(results.readers),
            "weakest": weakest,
            "weakest_mean": worst,
        }
        rows.append(row | {"sentence": _sentence(row, tested)})
    return pd.DataFrame(rows, columns=list(VERDICT_COLUMNS)).astype({"reached": "Int64"})


def _tested(results: ComparableRuns, model: str, margin: float) -> pd.DataFrame | None:
    """Return the tests of a model's overall mean against each reader; None where there is nothing to test."""
    if not can_be_equivalent(results):
        return None
    tested = equivalence_table(results, model, margin)
    whole = tested[tested["label"] == OVERALL]
    return whole if whole["p"].notna().any() else None


def _sentence(row: Mapping[Any, Any], tested: pd.DataFrame | None) -> str:
    if pd.isna(row["misses"]):  # a rater without a rank has no figures either
        return f"{row['rater']}: {rank_in_words(row)}."
    title, unit = metric_title(str(row["metric"])), str(row["unit"])
    mean = " ".join(filter(None, (title, with_interval(row["mean"], row["low"], row["high"], unit), unit_title(unit))))
    said = [f"{rank_in_words(row)}, {mean}"]
    said += [against_readers(tested, row["margin"])] if tested is not None else []
    beside = [f"missed {row['misses']:.0f} of {row['positives']:.0f}"] if row["misses"] else []
    beside += [f"false alarms {row['false_alarms']:.0f} of {row['negatives']:.0f}"] if row["negatives"] else []
    beside += [f"failed in {row['failed']:.0f} of {row['cases']} cases"] if row["failed"] else []
    said += [", ".join(beside)] if beside else []
    said += [f"weakest: {row['weakest']}, {fixed(row['weakest_mean'], unit)}"] if row["weakest"] else []
    return f"{row['rater']}: {'; '.join(said)}."


def against_readers(tested: pd.DataFrame, margin: float) -> str:
    """Return how a model stands to each reader in words, from its rows of ``equivalence_table``."""
    found: dict[str, list[str]] = {}
    for row in tested.to_dict("records"):
        found.setdefault(_relation(row, margin), []).append(str(row["rater"]))
    return ", ".join(f"{relation} {listed(names)}" for relation, names in found.items())


def _relation(row: Mapping[Any, Any], margin: float) -> str:
    """Return how a model stands to one reader, as words before the reader's name."""
    differs = row["p_holm"] < ALPHA
    if row["p_inferiority"] < ALPHA:
        if differs and row["difference"] > 0 and not row["p_equivalence"] < ALPHA:
            return "ahead of"
        return f"equivalent within {margin:g} to" if row["p_equivalence"] < ALPHA else f"not inferior by {margin:g} to"
    if pd.isna(row["p"]):
        return "not tested against"
    return "behind" if differs and row["difference"] < 0 else "undecided against"
