"""Who comes first, and how sure that is: rank intervals, ties, and how far a ranking would hold in other cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import pandas as pd

from ctbench.boards import Grid
from ctbench.datasets import Dataset
from ctbench.report.frames import tables
from ctbench.report.frames.contestants import contestants, structure_rows
from ctbench.report.frames.results import Results
from ctbench.report.page.cells import count_cell, number_cell, rater_cell
from ctbench.report.page.markup import Cell, Column, Html, details, element, join, paragraph, table
from ctbench.report.wording import MISSING, fixed, interval, metric_title, p_value, unit_title
from ctbench.statistics import OVERALL, Direction, direction_of, rank, rank_stability, significance_matrix

__all__ = ["can_rank", "entrants", "ranking_table", "rankings"]

_RESAMPLES = 1000
_RANKED: Any = {"cluster": "patient", "resamples": _RESAMPLES}


def can_rank(results: Results) -> bool:
    """Say whether some scope has two to rank: models, or a model and the readers, by a metric that is good one way."""
    most = max(map(len, results.scopes().values()))
    return most + results.leave_one_out >= 2 and most > 0 and direction_of(results.metrics[0]) is not Direction.NEITHER


def entrants(
    results: Results, models: Sequence[str], structures: Sequence[str], dataset: Dataset | None = None
) -> pd.DataFrame:
    """Give the scores that may be ranked together: those of models and of the readers as one, on the same references.

    A reader and a model compete on the reference that this reader had no part in; scores are averaged over these
    references, of the models and of the readers alike. A structure of a case counts on the references on which all
    have a value. Without leave-one-out references the models compete among themselves on the common one.

    Args:
        results: of one dataset.
        models: those to rank.
        structures: those to keep.
        dataset: tells which cases are of one patient; None: each is its own.

    Returns:
        Tidy scores of the page's first metric with the column ``patient``: by case, rater and structure, and by case
        and rater the mean over structures as ``overall``; null where nothing counts.
    """
    metric = results.metrics[0]
    rows = results.scores_of(models)
    rows = rows[rows["metric"] == metric]
    shared = (
        tables.is_leave_one_out(rows["reference"]) if results.leave_one_out else rows["reference"] == results.common
    )
    grids = [Grid.of(own) for _, own in rows[shared].groupby("reference")]
    names = [*models, *([tables.ALL_READERS] if results.leave_one_out else [])]
    own: Any = {"name_of": attrgetter("rater"), "patients": dataset.patients if dataset is not None else None}
    each = structure_rows(grids, names, structures, metric, **own)
    mean = contestants(grids, names, structures, metric, **own)
    return pd.concat([each, mean], ignore_index=True).assign(dataset=results.name, reference=results.fair)


def ranking_table(
    results: Results, models: Sequence[str], structures: Sequence[str], dataset: Dataset | None = None
) -> pd.DataFrame:
    """Rank models, and the readers as one among them, for each structure and by the overall mean.

    Args:
        results: as of all arguments, see ``entrants``.
        models: see there.
        structures: see there.
        dataset: see there.

    Returns:
        The columns of ``ctbench.statistics.rank`` by label; ``overall`` comes last.
    """
    return _ranked(entrants(results, models, structures, dataset), structures)


def _ranked(scores: pd.DataFrame, structures: Sequence[str]) -> pd.DataFrame:
    return tables.in_order(rank(scores, **_RANKED), (*structures, OVERALL))


def rankings(results: Results, dataset: Dataset | None = None) -> Html:
    """Rank the models, and the readers as one among them, once for each scope."""
    parts = [paragraph(_how(results), kind="how")]
    for over, models in results.scopes().items():
        if len(models) + results.leave_one_out >= 2:
            parts += [element("h4", results.scope_title(over)), *_scope(results, over, models, dataset)]
    return join(parts)


def _how(results: Results) -> str:
    metric = metric_title(results.metrics[0])
    what = (
        f"the readers compete as one: reader and models are scored on {results.common}-without-k, the reference "
        "without that reader, and averaged over the readers k. Scores on different references are never ranked "
        "together, so single readers have no rank among themselves."
        if results.leave_one_out
        else f"the models compete on {results.common}."
    )
    return (
        f"Ranks by the mean {metric} over cases; {what} The interval holds 95 % of the ranks in "
        f"{_RESAMPLES:,} bootstrap samples of patients: read it, not the rank. Not separable from the first: P ≥ .05 "
        "after Holm's correction, which is a tie and no proof of equality."
    )


def _scope(results: Results, over: Sequence[str], models: Sequence[str], dataset: Dataset | None) -> Iterator[Html]:
    scores = entrants(results, models, over, dataset)
    ranked = _ranked(scores, over)
    first = ranked[ranked["label"] == OVERALL]
    whole = scores[scores["label"] == OVERALL]
    yield _table(first, results, "Ranking by the overall mean")
    yield paragraph(_stability(rank_stability(whole, **_RANKED).iloc[0]))
    if len(first) > 2:
        yield details("Who is better than whom", _matrix(significance_matrix(whole)))
    if len(over) > 1:
        by_label = ranked[ranked["label"] != OVERALL]
        yield details("Ranking by structure", _table(by_label, results, "A ranking of its own for each structure"))


def _stability(row: pd.Series) -> str:
    left_out = (
        f"; {row['cases_left_out']} were left out, for not all raters have a value there: what is drawn where the "
        "others rightly have nothing does not count in this ranking"
    )
    counted = f"n = {row['n']} cases{left_out if row['cases_left_out'] else ''}."
    if pd.isna(row["tau"]):
        return f"How stable the ranking is cannot be said: {counted}"
    return (
        f"Stability: Kendall's τ of the ranking with those of other samples of cases is {fixed(row['tau'])} on average "
        f"(95 % from {interval(row['low'], row['high'])}; 1 is the same order, −1 the reverse); {counted}"
    )


def _table(ranked: pd.DataFrame, results: Results, caption: str) -> Html:
    metric = results.metrics[0]
    unit = results.unit(metric)
    by_label = OVERALL not in set(ranked["label"])
    columns = [
        *([Column("Structure", numeric=False)] if by_label else []),
        Column("Rater", numeric=False),
        Column("Rank"),
        Column("95 % interval", hint="of the rank"),
        Column(f"Mean {metric_title(metric)}", unit_title(unit)),
        Column("n", hint="cases"),
        Column("P", hint="of being equal to the first, by Holm"),
        Column("Separable", numeric=False),
    ]
    rows = [
        [
            *([Cell(row["label"], row["label"])] if by_label else []),
            rater_cell(row["rater"], "model" if row["rater"] in results.models else "readers", results.palette),
            _whole(row["rank"]),
            Cell(_ranks(row), row["rank_low"]),
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


def _ranks(row: dict[Any, Any]) -> str:
    return MISSING if pd.isna(row["rank_low"]) else f"{row['rank_low']:.0f} to {row['rank_high']:.0f}"


def _separable(row: dict[Any, Any]) -> str:
    if pd.isna(row["p_first"]):
        return "first"
    return "not separable from the first" if row["tied_with_first"] else "behind the first"


def _matrix(p: pd.DataFrame) -> Html:
    names = list(map(str, p.columns))
    columns = [Column("Rater", numeric=False), *(Column(name, group="is better than") for name in names)]
    rows = [
        [Cell(name, name), *(Cell(p_value(value), value) for value in row)]
        for name, row in zip(names, p.to_numpy().tolist(), strict=True)
    ]
    return table(columns, rows, "P of the row's rater not being better than the column's: signed-rank tests, by Holm")
