"""Lesions on the page: sensitivity by size, volumes, figures by protocol, missed and false lesions with pictures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from ctbench.datasets import ALL_SIZES, SIZE_CLASSES, Dataset
from ctbench.errors import DataError
from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.lesion_froc import FrocTables, froc_tables
from ctbench.report.frames.lesion_summaries import (
    figures_by_protocol,
    lesion_figures,
    lesion_structures,
    wrong_lesions,
)
from ctbench.report.frames.lesions import LesionTables, lesion_sensitivity_table
from ctbench.report.page.cells import captioned, count_cell, interval_cell, lined_cell, number_cell, of_cell, rater_cell
from ctbench.report.page.markup import Cell, Column, Html, details, element, how_to_read, join, paragraph, table
from ctbench.report.page.page_figures import NamedFigure, froc_plot, lesion_plots
from ctbench.report.page.pictures import Picture, gallery, picture, scene_of
from ctbench.report.wording import MISSING, interval
from ctbench.scores import RaterKind

__all__ = ["lesion_findings"]

_MOST = 30
"""Number of missed and false lesions that are listed for one dataset."""


def lesion_findings(results: ComparableRuns, dataset: Dataset, scored: Callable[[], LesionTables]) -> Html:
    """Show which lesions models and readers find: the chief structure in full, the others in one table.

    Args:
        results: Runs on one dataset, for which ``can_find_lesions`` is true.
        dataset: The dataset, with the readers' masks.
        scored: Returns the tables of ``compared_lesions``.
    """
    tables = scored()
    chief = lesion_structures(results)[0]
    own = LesionTables(*(one[one["label"] == chief] for one in tables))
    pooled = lesion_sensitivity_table(tables.lesions)
    shown = pooled[pooled["label"] == chief]
    figures = lesion_figures(tables)
    whole = figures[figures["label"] == chief]
    by_size, volumes = lesion_plots(shown, own.lesions, results)
    parts = [
        how_to_read(explanations.LESIONS, f" {explanations.detection_references(results.common)}"),
        _captioned(by_size),
        details("What each rater found", _figures(whole, chief, results)),
        details("Volumes of single lesions", _captioned(volumes)),
        details("The same masks under other protocols", _protocols(figures_by_protocol(own.cases), chief, results)),
        details("Missed and false lesions", _wrong(wrong_lesions(own.lesions), chief, results, dataset)),
    ]
    found = froc_tables(own)
    if len(found.at_rates):
        parts.append(details("Sensitivity by false marks per case (FROC)", _froc(found, whole, results)))
    if len(figures) > len(whole):
        parts.append(details("By structure and size", _by_size(pooled, results)))
    return join(parts)


def _captioned(figure: NamedFigure) -> Html:
    return captioned(figure.svg, figure.description)


def _figures(rows: pd.DataFrame, label: str, results: ComparableRuns) -> Html:
    columns = [
        Column.text("Rater"),
        Column("detected", hint="lesions of which at least one voxel is predicted"),
        Column("Sensitivity", hint="with its 95 % interval, clustered by patient"),
        Column("false", hint="predicted pieces that overlap no lesion"),
        Column("false per case", hint="over cases with a prediction"),
        Column("F1", hint="mean over the cases whose reference holds a lesion; 0 without a prediction"),
        Column("missed", "mL", hint="volume of all missed lesions"),
        Column("false", "mL", hint="volume of all false pieces"),
        Column("splits", hint="lesions that overlap several pieces"),
        Column("merges", hint="pieces that overlap several lesions"),
        Column("no prediction", hint="cases"),
    ]
    cells = [
        [
            rater_cell(row["rater"], row["rater_kind"], palette(results), row["reference"]),
            of_cell(row["detected"], row["lesions"], quiet=False),
            interval_cell(row["sensitivity"], row["low"], row["high"]),
            count_cell(row["false_positives"], quiet=True),
            number_cell(row["false_per_case"], "1"),
            number_cell(row["f1"], "1"),
            *(number_cell(row[f"false_{name}_volume_ml"], "mL") for name in ("negative", "positive")),
            *(count_cell(row[name], quiet=True) for name in ("splits", "merges", "lost")),
        ]
        for row in rows.to_dict("records")
    ]
    return table(columns, cells, f"Lesions of {label} in all cases")


_TITLES = {"f1": "F1", "pq": "PQ", "lesion_dice": "lesion Dice", "false_positive_volume_ml": "false volume, mL"}
"""The figures by which protocols rank, in words."""


def _protocols(rows: pd.DataFrame, label: str, results: ComparableRuns) -> Html:
    models = [name for name in results.models if name in set(rows["rater"])]
    band = Column("readers", group="mean", hint="lowest and highest of the single readers")
    columns = [
        Column.text("Protocol", hint="and when it counts a lesion as detected"),
        Column.text("Figure", hint="by which it ranks; of a volume less is better"),
        *(Column(name, group="mean") for name in models),
        *([band] if results.readers else []),
    ]
    cells = []
    for _, own in rows.groupby("protocol", sort=False):
        head, values = own.iloc[0], own.set_index("rater")["value"]
        singles = own.loc[own["rater_kind"].eq(RaterKind.READER), "value"]
        unit = "mL" if head["figure"].endswith("_ml") else "1"
        cells.append(
            [
                replace(lined_cell(head["protocol"], head["rule"], head["protocol"]), kind="long"),
                Cell(_TITLES[head["figure"]]),
                *(number_cell(float(values.get(name, float("nan"))), unit) for name in models),
                *([Cell(interval(singles.min(), singles.max(), unit), singles.min())] if results.readers else []),
            ]
        )
    n = rows["n"].max() if len(rows) else 0
    return table(columns, cells, f"{label}: means over the {n} cases whose reference holds a lesion")


def _froc(found: FrocTables, figures: pd.DataFrame, results: ComparableRuns) -> Html:
    shades = palette(results)
    rates = found.at_rates["false_per_case"].unique()
    columns = [
        Column.text("Rater"),
        *(Column(str(rate), group="false marks per case") for rate in rates),
    ]
    cells = [
        [
            rater_cell(str(rater), RaterKind.MODEL, shades, str(protocol)),
            *(interval_cell(row["sensitivity"], row["low"], row["high"]) for row in own.to_dict("records")),
        ]
        for (rater, protocol), own in found.at_rates.groupby(["rater", "protocol"], sort=False)
    ]
    first = found.at_rates.iloc[0]
    n = f"for {first['lesions']} lesions, 95 % intervals over patients, of {first['cases']} cases"
    precisions = [
        [
            rater_cell(row["rater"], RaterKind.MODEL, shades),
            Cell.text(row["protocol"]),
            interval_cell(row["average_precision"], row["low"], row["high"]),
        ]
        for row in found.precisions.to_dict("records")
    ]
    titles = [Column.text("Rater"), Column.text("Protocol"), Column("Average precision")]
    return join(
        [
            paragraph(explanations.FROC, kind="how"),
            _captioned(froc_plot(found, figures, results)),
            table(columns, cells, f"{first['label']}: sensitivity {n}"),
            paragraph(explanations.AVERAGE_PRECISION, kind="how"),
            table(titles, precisions, f"{first['label']}: average precision of marks {n}"),
        ]
    )


def _wrong(rows: pd.DataFrame, label: str, results: ComparableRuns, dataset: Dataset) -> Html:
    rows = rows[rows["rater"].isin(results.models)]
    drawn = {(one.case, at): one for at, one in _pictures(rows, label, results, dataset)}
    columns = [
        Column.text("Case"),
        Column.text("Rater"),
        Column.text("Outcome"),
        Column("Volume", "mL"),
        Column("Slice", hint="on which it is largest, from 1"),
        Column("Nearest", "mm", hint="distance to the nearest voxel of the other mask; none where that is empty"),
    ]
    shades = palette(results)
    cells = [
        [
            _case(row["case"], drawn.get((row["case"], at))),
            rater_cell(row["rater"], RaterKind.MODEL, shades),
            Cell.text(row["outcome"]),
            Cell(f"{row['volume_ml']:.3f}", row["volume_ml"]),
            count_cell(row["slice"] + 1),
            number_cell(row["nearest_mm"], "mm"),
        ]
        for at, row in rows.head(_MOST).iterrows()
    ]
    caption = f"{label}: the {len(cells)} largest of {len(rows)} missed and false lesions of all models"
    shown = [gallery(list(drawn.values()))] if drawn else []
    return join([table(columns, cells, caption), *shown])


def _case(case: str, shown: Picture | None) -> Cell:
    """Show a case, with a link to its picture where there is one."""
    return Cell(case if shown is None else element("a", case, href=f"#{shown.anchor}"), case)


def _pictures(
    rows: pd.DataFrame, label: str, results: ComparableRuns, dataset: Dataset
) -> Iterator[tuple[Any, Picture]]:
    """Draw the largest wrong lesion of each model that can be drawn, with its index in the rows."""
    for number, (model, own) in enumerate(rows.head(_MOST).groupby("rater", sort=False)):
        for at, row in own.iterrows():
            try:
                scene = scene_of(results, str(model), dataset, row["case"])
            except DataError:
                continue  # a lost case has missed all its lesions, and there is nothing to draw
            title = f"{model}: {row['outcome']}, {row['volume_ml']:.2f} mL"
            shown = picture(scene, int(row["slice"]), title, str(model), results.common, (label,))
            yield at, replace(shown, anchor=f"{results.stem}-lesion-{number}")
            break


def _by_size(pooled: pd.DataFrame, results: ComparableRuns) -> Html:
    sizes: Collection[str] = [name for name in (ALL_SIZES, *SIZE_CLASSES) if name in set(pooled["size_class"])]
    columns = [
        Column.text("Structure"),
        Column.text("Rater"),
        *(Column(size, group="detected lesions") for size in sizes),
        Column("false", hint="predicted pieces that overlap no lesion"),
    ]
    cells = []
    for (label, rater, kind), own in pooled.groupby(["label", "rater", "rater_kind"], sort=False):
        by_size = own.set_index("size_class")
        cells.append(
            [
                Cell.text(str(label)),
                rater_cell(str(rater), str(kind), palette(results)),
                *(
                    of_cell(by_size["detected"][size], by_size["lesions"][size], quiet=False)
                    if size in by_size.index
                    else Cell(MISSING, kind="zero")
                    for size in sizes
                ),
                count_cell(by_size["false_positives"].get(ALL_SIZES, 0), quiet=True),
            ]
        )
    return table(columns, cells, "Lesions of which at least one voxel is predicted, by structure and size")
