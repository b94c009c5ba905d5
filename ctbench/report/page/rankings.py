"""Rankings on the page: rank intervals, ties, pairwise tests, and the stability of the ranking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.local_datasets import is_phantom
from ctbench.report.frames.rankings import RANKED, entrants, ranked
from ctbench.report.frames.tables import ALL_READERS_KIND
from ctbench.report.page.cells import count_cell, number_cell, rater_cell
from ctbench.report.page.markup import Cell, Column, Html, details, element, how_to_read, join, paragraph, table
from ctbench.report.wording import MISSING, interval, metric_title, p_value, unit_title
from ctbench.scores import RaterKind
from ctbench.statistics import OVERALL, rank_stability, significance_matrix

__all__ = ["rankings"]


def rankings(results: ComparableRuns) -> Html:
    """Rank the models, and the readers as one among them, once for each scope."""
    parts = [how_to_read(_how(results)), paragraph(*_unranked(results))]
    for over, models in results.ranked_scopes.items():
        if len(models) + results.leave_one_out >= 2:
            parts += [element("h4", results.scope_title(over)), *_scope(results, over, models)]
    return join(parts)


def _how(results: ComparableRuns) -> str:
    metric = metric_title(results.chief_metrics[0])
    what = (
        explanations.readers_as_one(results.common)
        if results.leave_one_out
        else f"The models compete on {results.common}."
    )
    return f"Ranks by the mean {metric} over cases. {explanations.POSITIVES} {what} {explanations.RANK_INTERVALS}"


def _unranked(results: ComparableRuns) -> Iterator[str]:
    """Yield what is not folded away: that the ranks of a phantom mean nothing, and which models have none."""
    if is_phantom(results.dataset):
        yield f"{explanations.PHANTOM} "
    if results.demo_models:
        yield f"Without a rank: {', '.join(sorted(results.demo_models))}, learnt on {explanations.DEMO}."


def _scope(results: ComparableRuns, over: Sequence[str], models: Sequence[str]) -> Iterator[Html]:
    scores = entrants(results, models, over)
    table_of_ranks = ranked(scores, over)
    first = table_of_ranks[table_of_ranks["label"] == OVERALL]
    whole = scores[scores["label"] == OVERALL]
    yield paragraph(explanations.stability(rank_stability(whole, **RANKED).iloc[0].to_dict()))
    yield details("Ranks with P values", _table(first, results, "Ranking by the overall mean"))
    if len(first) > 2:
        yield details("Who is better than whom", _matrix(significance_matrix(whole)))
    if len(over) > 1:
        by_label = table_of_ranks[table_of_ranks["label"] != OVERALL]
        yield details("Ranking by structure", _table(by_label, results, "A ranking of its own for each structure"))


def _table(ranked: pd.DataFrame, results: ComparableRuns, caption: str) -> Html:
    metric = results.chief_metrics[0]
    unit = results.unit(metric)
    by_label = OVERALL not in set(ranked["label"])
    columns = [
        *([Column.text("Structure")] if by_label else []),
        Column.text("Rater"),
        Column("Rank"),
        Column("95 % interval", hint="of the rank"),
        Column(f"Mean {metric_title(metric)}", unit_title(unit)),
        Column("n", hint="cases"),
        Column("P", hint="of being the best itself"),
        Column.text("Separable"),
    ]
    rows = [
        [
            *([Cell.text(row["label"])] if by_label else []),
            rater_cell(
                row["rater"], RaterKind.MODEL if row["rater"] in results.models else ALL_READERS_KIND, palette(results)
            ),
            _whole(row["rank"]),
            Cell(interval(row["rank_low"], row["rank_high"], digits=0), row["rank_low"]),
            number_cell(row["value"], unit),
            count_cell(row["n"]),
            Cell(p_value(row["p_first"]), row["p_first"]),
            Cell(row["reason"] or _separable(row)),
        ]
        for row in ranked.to_dict("records")
    ]
    return table(columns, rows, caption)


def _whole(number: float) -> Cell:
    return Cell(MISSING if pd.isna(number) else f"{number:.0f}", number)


def _separable(row: dict[Any, Any]) -> str:
    if pd.isna(row["p_first"]):
        return "first"
    return "not separable from the first" if row["tied_with_first"] else "behind the first"


def _matrix(p: pd.DataFrame) -> Html:
    names = list(map(str, p.columns))
    columns = [Column.text("Rater"), *(Column(name, group="is better than") for name in names)]
    rows = [
        [Cell.text(name), *(Cell(p_value(value), value) for value in row)]
        for name, row in zip(names, p.to_numpy().tolist(), strict=True)
    ]
    return table(columns, rows, "P of the row's rater not being better than the column's: signed-rank tests, by Holm")
