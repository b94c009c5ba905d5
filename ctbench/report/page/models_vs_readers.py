"""Models against readers: the tests, their tables and box plots."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pandas as pd

from ctbench.report import explanations
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.models_vs_readers import compared_with_readers, gaps_to_readers
from ctbench.report.page.cells import CONTRIBUTE, captioned, count_cell, mean_cell, model_fold, number_cell, when_fewer
from ctbench.report.page.markup import Cell, Column, Html, details, how_to_read, join, paragraph, table
from ctbench.report.page.page_figures import box_plots
from ctbench.report.wording import MISSING, interval, metric_heading, metric_title, p_value, shortened, unit_title
from ctbench.scores import without
from ctbench.statistics import OVERALL

__all__ = ["comparisons", "paper_comparisons"]


def comparisons(results: ComparableRuns, focus: Collection[str] = ()) -> Html:
    """Compare readers and models on leave-one-out references, one model after the other, folded unless in focus."""
    how = (
        f"Each reader is compared with the model on {without(results.common, 'k')}, the reference that the other "
        "readers made: nobody is judged by a truth that they helped to make. Numbers of different references do "
        "not compare; read along a pair of columns."
    )
    how = f"{how} {explanations.marks('the model')}"
    return _all_comparisons(results, tables.LEAVE_ONE_OUT, how_to_read(how), focus)


def paper_comparisons(results: ComparableRuns, focus: Collection[str] = ()) -> Html:
    """Compare them on the common reference, as the papers did."""
    how = (
        f"All raters against {results.common}. {explanations.CONTRIBUTE_EFFECT} The test is here because the papers "
        f"print it. {explanations.paper_marks('the model')}"
    )
    shown = _all_comparisons(results, results.common, paragraph(CONTRIBUTE, " ", how, kind="how"), focus)
    return details("Categorical linear regression on the common reference", shown) if results.leave_one_out else shown


def _all_comparisons(results: ComparableRuns, reference: str, how: Html, focus: Collection[str]) -> Html:
    folds = (
        model_fold(results, model, *_comparison(results, model, reference), focus=focus) for model in results.models
    )
    return join([how, *folds])


def _comparison(results: ComparableRuns, model: str, reference: str) -> Iterator[Html]:
    legend = explanations.marks(model) if reference == tables.LEAVE_ONE_OUT else explanations.paper_marks(model)
    tested = compared_with_readers(results, model, reference, results.chief_metrics)
    gaps = gaps_to_readers(results, model, reference, results.chief_metrics)
    for index, (metric, compared) in enumerate(tested.items()):
        unit = results.unit(metric)
        shown = join(
            (
                _comparison_table(compared, gaps[metric], model, reference, metric, unit, len(results.cases)),
                captioned(box_plots(results, compared, model, reference).svg, f"{explanations.BOXES} {legend}")
                if metric == "dice"
                else None,
                details("Differences, intervals and P values", _test_table(compared, unit)),
            )
        )
        yield shown if index < 2 else details(f"{metric_title(metric)}: the same comparison", shown)


def _comparison_table(
    compared: pd.DataFrame, gaps: pd.DataFrame, model: str, reference: str, metric: str, unit: str, cases: int
) -> Html:
    paired = reference == tables.LEAVE_ONE_OUT
    readers = compared.drop_duplicates("rater")[["rater", "reference"]]
    columns = [Column.text("Structure")]
    if not paired:
        columns.append(_rater_column(model))
    for reader, stands_on in zip(readers["rater"], readers["reference"], strict=True):
        group = f"against {shortened(stands_on, 32)}" if paired else ""
        columns.append(_rater_column(reader, group))
        columns += [_rater_column(model, group)] if paired else []
    columns.append(Column("Readers −\u00a0model", unit_title(unit), hint="mean of the readers minus that of the model"))
    if unit == "mL":
        columns.append(
            Column("of volume", "%", hint="share of the reference volume; overall: mean of the absolute shares")
        )
    shares: dict[Any, Any] = gaps.set_index("label").to_dict("index")
    rows = []
    for label, own in compared.groupby("label", sort=False):
        by_reader: dict[Any, dict[Any, Any]] = own.set_index("rater").to_dict("index")
        cells = [Cell(str(label), kind="overall" if label == OVERALL else "")]
        if not paired:
            cells.append(_of_model(next(iter(by_reader.values())), unit, cases))
        for reader in readers["rater"]:
            if reader not in by_reader:
                cells += [Cell(MISSING)] * (2 if paired else 1)
                continue
            row = by_reader[reader]
            cells.append(mean_cell(row["mean"], row["sd"], unit, mark=_mark(row), below=when_fewer(row["n"], cases)))
            cells += [_of_model(row, unit, cases, kind="model")] if paired else []
        cells.append(number_cell(shares[label]["difference"], unit))
        cells += [number_cell(shares[label]["share_percent"], "mL")] if unit == "mL" else []
        rows.append(cells)
    return table(
        columns, rows, f"{metric_heading(metric, unit)}: mean ± SD of the readers and {model}", kind="comparison"
    )


def _rater_column(name: str, group: str = "") -> Column:
    return Column(shortened(name), group=group, hint=name)


def _mark(row: Mapping[Any, Any]) -> str:
    return "*" if row["reader_better"] else "†" if row["model_better"] else ""


def _test_table(compared: pd.DataFrame, unit: str) -> Html:
    columns = [
        Column.text("Structure"),
        Column.text("Reader"),
        Column.text("Reference"),
        Column("n reader"),
        Column("n model"),
        Column("Difference", unit_title(unit), hint="reader minus model"),
        Column("95 % interval", unit_title(unit)),
        Column("P"),
        Column("P Holm", hint="adjusted over the readers"),
        Column.text("Note"),
    ]
    rows = [
        [
            Cell(row["label"], kind="overall" if row["label"] == OVERALL else ""),
            Cell.text(row["rater"]),
            Cell.text(row["reference"]),
            count_cell(row["n"]),
            count_cell(row["model_n"]),
            number_cell(row["difference"], unit),
            Cell(interval(row["low"], row["high"], unit), row["low"]),
            Cell(p_value(row["p"]), row["p"]),
            Cell(p_value(row["p_holm"]), row["p_holm"]),
            Cell(_mark(row) or row["reason"]),
        ]
        for row in compared.to_dict("records")
    ]
    return table(columns, rows, "Reader minus model")


def _of_model(row: Mapping[Any, Any], unit: str, cases: int, kind: str = "") -> Cell:
    return mean_cell(row["model_mean"], row["model_sd"], unit, kind=kind, below=when_fewer(row["model_n"], cases))
