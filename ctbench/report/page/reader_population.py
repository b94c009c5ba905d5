"""Models against readers as a population of readers, on the page."""

from __future__ import annotations

import pandas as pd

from ctbench.metric_descriptions import DICE
from ctbench.report import explanations
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.equivalence import MARGIN
from ctbench.report.frames.reader_population import population_table, population_verdict
from ctbench.report.page.cells import count_cell, number_cell
from ctbench.report.page.markup import Cell, Column, Html, details, element, how_to_read, join, paragraph, table
from ctbench.report.wording import interval, p_value
from ctbench.statistics import OVERALL

__all__ = ["reader_population"]


def reader_population(results: ComparableRuns, margin: float = MARGIN) -> Html:
    """Compare each model with the population that the readers are a sample of: overall, and folded by structure.

    Args:
        results: Runs for which ``can_be_population`` is true, with Dice scores.
        margin: The largest difference in Dice that does not matter.
    """
    found = [population_table(results, model, DICE, margin) for model in results.models]
    rows = pd.concat(found, ignore_index=True)
    how = how_to_read(explanations.POPULATION, " ", element("code", "ctbench mrmc"), " prints these numbers.")
    if rows.empty:
        return join((how, paragraph("No structure has two such cases.")))
    whole, single = rows[rows["label"] == OVERALL], rows[rows["label"] != OVERALL]
    title = "Dice of the model minus the mean of the readers"
    return join(
        (
            how,
            _tested(whole if len(whole) else single, f"Overall {title}" if len(whole) else title, margin),
            details("By structure", _tested(single, title, margin)) if len(whole) and len(single) else None,
        )
    )


def _tested(rows: pd.DataFrame, caption: str, margin: float) -> Html:
    several = OVERALL not in set(rows["label"])
    columns = [
        Column.text("Model"),
        *([Column.text("Structure")] if several else []),
        Column("Readers"),
        Column("n", hint="cases in which all have a value on all references"),
        Column("Difference", hint="model minus readers"),
        Column("95 % interval", hint="for new readers and new cases"),
        Column("P", hint="below .05: different"),
        Column("P not equivalent", hint=f"below .05: equivalent within {margin:g}"),
        Column("P inferior", hint=f"below .05: not inferior by {margin:g}"),
        Column.text("In words"),
    ]
    cells = [
        [
            Cell.text(row["model"]),
            *([Cell.text(row["label"])] if several else []),
            count_cell(row["readers"]),
            count_cell(row["n"]),
            number_cell(row["difference"], "1"),
            Cell(interval(row["low"], row["high"]), row["low"]),
            *(Cell(p_value(row[name]), row[name]) for name in ("p", "p_equivalent", "p_non_inferior")),
            Cell(population_verdict(row, margin)),
        ]
        for row in rows.to_dict("records")
    ]
    return table(columns, cells, caption)
