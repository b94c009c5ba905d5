"""Equivalence of models to readers on the page, and each model's place in the readers' spread."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from ctbench.report.explanations import equivalent
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.equivalence import MARGIN, equivalence_table, reader_spread
from ctbench.report.page.cells import CONTRIBUTE, count_cell, model_fold, number_cell
from ctbench.report.page.markup import Cell, Column, Html, details, how_to_read, join, paragraph, table
from ctbench.report.wording import MISSING, counted, fixed, interval, p_value
from ctbench.scores import without
from ctbench.statistics import OVERALL

__all__ = ["equivalences"]


def equivalences(results: ComparableRuns, margin: float = MARGIN, focus: Collection[str] = ()) -> Html:
    """Test each model for equivalence to each reader within a margin, and place it in the readers' spread.

    Args:
        results: Runs on one dataset.
        margin: The largest difference in Dice that does not matter.
        focus: Names of the models whose tests are not folded away.
    """
    how = f"{equivalent(margin)} The margin was chosen for this page."
    stands_on = (
        f" Reader k and the model are compared on {without(results.common, 'k')}." if results.leave_one_out else None
    )
    parts = [how_to_read(how, stands_on), None if results.leave_one_out else paragraph(CONTRIBUTE)]
    folds = (model_fold(results, model, *_of(results, model, margin), focus=focus) for model in results.models)
    return join([*parts, *folds])


def _of(results: ComparableRuns, model: str, margin: float) -> Sequence[Html]:
    structures = results.compared(model)
    tested = equivalence_table(results, model, margin)
    placed = reader_spread(results, model)
    whole = tested[tested["label"] == OVERALL]
    return (
        paragraph(_in_words(whole, placed[placed["label"] == OVERALL].iloc[0], model), kind="lead"),
        _tested(whole, f"Overall Dice of {model} minus the reader's"),
        details("By structure", _tested(tested[tested["label"] != OVERALL], f"Dice of {model} minus the reader's"))
        if len(structures) > 1
        else Html(),
        details("The model in the readers' spread", _spread(placed, model)),
    )


def _in_words(tested: pd.DataFrame, placed: pd.Series, model: str) -> str:
    said = [
        f"Against {', '.join(own['rater'])}: {verdict} ({counted(own['n'], '')})."
        for verdict, own in tested.groupby("verdict", sort=False)
    ]
    if placed["readers"] > 1:
        where = "within" if placed["in_range"] else "outside"
        low, high = fixed(placed["reader_lowest"]), fixed(placed["reader_highest"])
        said.append(
            f"The {placed['readers']} readers' means lie {low} to {high} from that of {model}, which is {where} their "
            "spread."
        )
    return " ".join(said)


def _tested(tested: pd.DataFrame, caption: str) -> Html:
    several = OVERALL not in set(tested["label"])
    columns = [
        *([Column.text("Structure")] if several else []),
        Column.text("Reader"),
        Column.text("Reference"),
        Column("n", hint="paired cases"),
        Column("Difference", hint="model minus reader"),
        Column("90 % interval"),
        Column("P Holm", hint="of a difference, adjusted over the readers; below .05: different"),
        Column("P not equivalent", hint="below .05: equivalent within the margin"),
        Column("P inferior", hint="below .05: not inferior by the margin"),
        Column.text("In words"),
    ]
    rows = [
        [
            *([Cell.text(row["label"])] if several else []),
            Cell.text(row["rater"]),
            Cell.text(row["reference"]),
            count_cell(row["n"]),
            number_cell(row["difference"], "1"),
            Cell(interval(row["low"], row["high"]), row["low"]),
            Cell(p_value(row["p_holm"]), row["p_holm"]),
            Cell(p_value(row["p_equivalence"]), row["p_equivalence"]),
            Cell(p_value(row["p_inferiority"]), row["p_inferiority"]),
            Cell("; ".join(part for part in (row["verdict"], row["reason"]) if part)),
        ]
        for row in tested.to_dict("records")
    ]
    return table(columns, rows, caption)


def _spread(placed: pd.DataFrame, model: str) -> Html:
    columns = [
        Column.text("Structure"),
        Column("Readers"),
        Column("Their means", hint="lowest to highest, minus the model's mean"),
        Column.text("Within", hint="whether 0, the model, lies between them"),
        Column("One more reader", hint="where the mean of one more reader would lie with 95 %"),
        Column.text("Within", hint="whether 0, the model, lies there"),
        Column.text("Note"),
    ]
    rows = [
        [
            Cell(row["label"], kind="overall" if row["label"] == OVERALL else ""),
            count_cell(row["readers"]),
            Cell(interval(row["reader_lowest"], row["reader_highest"]), row["reader_lowest"]),
            Cell(_yes(row["in_range"], known=pd.notna(row["reader_lowest"] - row["model_mean"]))),
            Cell(interval(row["low"], row["high"]), row["low"]),
            Cell(_yes(row["in_interval"], known=pd.notna(row["low"] - row["model_mean"]))),
            Cell(row["reason"]),
        ]
        for row in placed.to_dict("records")
    ]
    return table(columns, rows, f"Mean paired differences in Dice of the readers from {model}, which stands at 0")


def _yes(value: object, *, known: bool) -> str:
    return ("yes" if value else "no") if known else MISSING
