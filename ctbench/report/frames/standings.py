"""Where everybody on a board stands: ranks with their intervals, means, what they count, and why some have no rank."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ctbench.boards import Grid
from ctbench.boards.grid import Entry
from ctbench.report.frames import tables
from ctbench.report.frames.averages import averaged, coded
from ctbench.report.frames.comparable_runs import Field
from ctbench.report.frames.contestants import contestants
from ctbench.report.wording import metric_title
from ctbench.statistics import Direction, describe, direction_of, rank

__all__ = ["STANDING_COLUMNS", "standings"]

STANDING_COLUMNS = (
    *("rater", "rater_kind", "rank", "rank_low", "rank_high", "tied_with_first", "mean", "low", "high", "median", "sd"),
    *("n", "undefined", "penalised", "failed", "seconds", "version", "date", "trained_here", "run", "reason"),
)
"""The columns of ``standings``, in the order in which they are shown."""

_RESAMPLES = 1000


def standings(
    field: Field,
    grids: Sequence[Grid],
    over: Sequence[str],
    metric: str,
    reference: str,
    *,
    cases: Sequence[str] | None = None,
    complete: bool = False,
    patients: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Rank the models, and the readers as one among them where references without each reader allow it.

    Args:
        field: the raters.
        grids: their scores, one for each reference that ``reference`` stands for.
        over: the structures that a mean goes over, or one structure.
        metric: its name.
        reference: its name, or ``leave-one-out``.
        cases: a subgroup; None: all.
        complete: describe what is ranked: the cases, structures and references on which all that are ranked have a
            value. Else each rater's mean is over all values that it has.
        patients: case -> patient, drawn as a whole when ranks are resampled; None: each case is its own.

    Returns:
        A row for each rater with ``STANDING_COLUMNS``, the ranked ones first, best first: ``rank_low, rank_high`` hold
        95 % of the ranks in other samples of cases, ``low, high`` are the 95 % interval of the mean over ``n`` cases;
        ``undefined`` counts cases without a value, ``penalised`` structures of cases that count with the worst value,
        ``failed`` cases without a prediction; ``date`` is that of the submission; ``reason`` says why there is no rank.
    """
    if cases is not None:
        grids = [grid.select(cases=[case for case in grid.cases if case in set(cases)]) for grid in grids]
    refused = _refused(field, grids, over, metric)
    ranked = _contest(field, grids, over, metric, reference, refused, patients)
    table = _ranks(ranked)
    described = _described(ranked if complete else _everyone(field, grids, over, metric, reference, refused))
    table = described.merge(table, on="rater", how="outer")
    table["rater_kind"] = table["rater_kind"].fillna("model")
    table = _with_cards(table, field).assign(reason=lambda rows: _reasons(rows, refused, metric, reference))
    order = [*("rank", "mean", "rater")]
    better = direction_of(metric) is not Direction.LOWER
    table = table.sort_values(order, ascending=[True, not better, True], na_position="last", kind="stable")
    return table.reindex(columns=list(STANDING_COLUMNS)).reset_index(drop=True)


def _name(field: Field, entry: Entry) -> tuple[str, str]:
    return field.name_of(entry), entry.rater_kind


def _refused(field: Field, grids: Sequence[Grid], over: Sequence[str], metric: str) -> dict[str, str]:
    """Give model -> why it cannot be ranked in this question."""
    models = field.runs[field.runs["rater_kind"] == "model"]
    versions = {
        name: json.loads(text).get(metric) for name, text in zip(models["name"], models["metrics"], strict=True)
    }
    known = pd.Series(list(versions.values()), dtype=object).dropna()
    usual = known.mode().iloc[0] if len(known) else None
    refused: dict[str, str] = {}
    unknown = _unknown(field, grids, over)
    present = [{field.name_of(entry) for entry in grid.entries} for grid in grids]
    everywhere = set.intersection(*present) if present else set()
    for name, text in zip(models["name"], models["overall_of"], strict=True):
        if versions[name] is None:
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


def _unknown(field: Field, grids: Sequence[Grid], over: Sequence[str]) -> set[str]:
    """Name the models for which every score of these structures is ``unsupported``."""
    found: set[str] = set()
    for grid in grids[:1]:
        own = grid.select(labels=over)
        lacking = own.having(("unsupported",)).any(axis=(0, 1)) & np.isnan(own.values).all(axis=(0, 1))
        found |= {field.name_of(own.entries[at]) for at in np.flatnonzero(lacking)}
    return found


def _contest(
    field: Field,
    grids: Sequence[Grid],
    over: Sequence[str],
    metric: str,
    reference: str,
    refused: Mapping[str, str],
    patients: Mapping[str, str] | None,
) -> pd.DataFrame:
    models = [name for name in field.models if name not in refused]
    if direction_of(metric) is Direction.NEITHER or not models:
        return pd.DataFrame()
    names = [*([tables.ALL_READERS] if reference == tables.LEAVE_ONE_OUT else []), *models]
    rows = contestants(grids, names, over, metric, patients=patients, name_of=field.name_of)
    status = coded(rows["value"].isna().to_numpy().astype(int), ["ok", "both_empty"])
    return rows.assign(status=status, penalties=0, failed=False)


def _ranks(rows: pd.DataFrame) -> pd.DataFrame:
    columns = ["rater", "rank", "rank_low", "rank_high", "tied_with_first"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    return rank(rows, cluster="patient", resamples=_RESAMPLES)[columns]


def _everyone(
    field: Field, grids: Sequence[Grid], over: Sequence[str], metric: str, reference: str, refused: Mapping[str, str]
) -> pd.DataFrame:
    kept = []
    for grid in grids:
        places = [
            at
            for at, entry in enumerate(grid.entries)
            if entry.rater_kind == "reader" or field.name_of(entry) not in refused
        ]
        kept.append(grid.select(labels=sorted(over), entries=places))
    parts = [averaged(kept, over, lambda entry: _name(field, entry))]
    if reference == tables.LEAVE_ONE_OUT:
        readers = [
            grid.select(entries=[at for at, entry in enumerate(grid.entries) if entry.rater_kind == "reader"])
            for grid in kept
        ]
        parts.append(averaged(readers, over, lambda _entry: (tables.ALL_READERS, "readers")))
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True).assign(metric=metric)


def _described(rows: pd.DataFrame) -> pd.DataFrame:
    keys = ["rater", "rater_kind"]
    if rows.empty:
        return pd.DataFrame(columns=[*keys, "n", "mean", "sd", "median", "low", "high", "undefined"])
    table = describe(rows, by=keys)
    counts = rows.groupby(keys, sort=False)[["penalties", "failed"]].sum().reset_index()
    counts = counts.rename(columns={"penalties": "penalised"})
    return table.drop(columns=["penalised", "failed"]).merge(counts, on=keys)


def _with_cards(table: pd.DataFrame, field: Field) -> pd.DataFrame:
    cards = field.runs[["name", "run", "version", "submitted", "seconds", "trained_here", "rater_kind"]]
    models = cards[cards["rater_kind"] == "model"].drop(columns="rater_kind")
    models = models.rename(columns={"name": "rater", "submitted": "date"})
    everyone = table.merge(models, on="rater", how="outer")
    everyone["rater_kind"] = everyone["rater_kind"].fillna("model")
    return everyone


def _reasons(rows: pd.DataFrame, refused: Mapping[str, str], metric: str, reference: str) -> list[str]:
    said = []
    for row in rows.to_dict("records"):
        if row["rater"] in refused and row["rater_kind"] == "model":
            said.append(refused[row["rater"]])
        elif row["rater_kind"] == "reader":
            alone = reference == tables.LEAVE_ONE_OUT
            said.append("stands on a reference of its own" if alone else "helped to make this reference")
        elif pd.isna(row["rank"]):
            neither = direction_of(metric) is Direction.NEITHER
            said.append(
                f"{metric_title(metric)} is good neither way" if neither else "no case has values of all raters"
            )
        else:
            said.append("")
    return said
