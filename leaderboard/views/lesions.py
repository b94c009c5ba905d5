"""Page Lesions: sensitivity by size, volumes of lesions, figures by protocol, and missed and false lesions."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import streamlit as st

from ctbench.errors import CtbenchError
from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.drawings.froc_chart import froc_chart
from ctbench.report.drawings.lesion_charts import lesion_volume_chart, sensitivity_chart
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.lesion_froc import FrocTables, froc_caption, froc_tables, reader_points
from ctbench.report.frames.lesion_summaries import (
    can_find_lesions,
    compared_lesions,
    figures_by_protocol,
    lesion_figures,
    lesion_structures,
    reader_band,
    sensitivity_caption,
    volume_caption,
    wrong_lesions,
)
from ctbench.report.frames.lesions import LesionTables, lesion_sensitivity_table
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection, dataset_of
from leaderboard.views.reader_lesions import SWITCH

__all__ = ["show"]

_MOST = 6
"""Number of models that are scored at first."""


def show(selection: Selection) -> None:
    """Draw the page."""
    runs = selection.runs
    structures = _structures(runs)
    if not structures:
        layout.note("No run of this dataset keeps predictions of lesions on this machine.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = controls.choice("Structure", structures, "label")
        models = controls.first_of("Models", runs.models, "models", most=_MOST)
    if not models:
        layout.note("Choose at least one model.")
        return
    found = _tables(runs, label, tuple(models))
    if isinstance(found, str):
        layout.note(f"Lesions cannot be scored here: {found}")
        return
    tables, pooled, figures, _ = found
    drawn = set(figures["rater"])
    shades = {rater: shade for rater, shade in palette(runs).items() if rater in drawn}
    name = f"{runs.dataset}-{label}"
    _sensitivities(runs, pooled, shades, name)
    layout.text("What each rater found", "title")
    layout.table(figures.drop(columns="label"), f"lesion-figures-{name}", columns=_COLUMNS)
    layout.text(f"{explanations.LESIONS} {explanations.detection_references(runs.common)}", "muted")
    layout.text("Volumes of single lesions", "title")
    layout.chart(lesion_volume_chart(tables.lesions, shades), volume_caption(tables.lesions, runs))
    _wrong(tables.lesions, name)
    if len(runs.readers) > 1:
        layout.link("readers", "Lesions among the readers", **{SWITCH: "true", "lesions_of": label})
    if len(found.froc.at_rates):
        _froc(runs, found, shades, name)
    with layout.folded("The same masks under other protocols"):
        layout.table(figures_by_protocol(tables.cases), f"protocols-{name}", columns=_COLUMNS)
        layout.text("Means over the cases whose reference holds a lesion.", "muted")


def _sensitivities(runs: ComparableRuns, pooled: pd.DataFrame, shades: dict[str, str], name: str) -> None:
    layout.text("Sensitivity by size", "title")
    layout.chart(sensitivity_chart(pooled, reader_band(pooled), shades), sensitivity_caption(pooled, runs))
    with layout.folded("As a table"):
        layout.table(pooled.drop(columns=["label", "protocol"]), f"sensitivity-{name}", columns=_COLUMNS)


def _froc(runs: ComparableRuns, found: _Tables, shades: dict[str, str], name: str) -> None:
    layout.text("Sensitivity by false marks per case (FROC)", "title")
    rates, curves, precisions = found.froc
    layout.chart(froc_chart(curves, reader_points(found.figures), shades), froc_caption(rates, runs))
    with layout.folded("FROC as a table, and average precision"):
        layout.text(explanations.FROC, "muted")
        layout.table(rates.drop(columns="label"), f"froc-{name}", columns=_COLUMNS)
        layout.text(explanations.AVERAGE_PRECISION, "muted")
        layout.table(precisions.drop(columns="label"), f"average-precision-{name}", columns=_COLUMNS)


def _wrong(lesions: pd.DataFrame, name: str) -> None:
    layout.text("Missed and false lesions", "title")
    layout.text("The largest come first. Choose a row to see its slice.", "muted")
    rows = wrong_lesions(lesions)
    rater = controls.choice("Rater", list(dict.fromkeys(lesions["rater"])), "rater")
    shown = rows[rows["rater"] == rater].reset_index(drop=True)
    shown["slice"] += 1
    chosen = layout.table(shown, f"wrong-lesions-{name}-{rater}", columns=_COLUMNS, key="wrong")
    if chosen is not None and chosen < len(shown):
        row = shown.iloc[chosen]
        asked = {"case": row["case"], "rater": row["rater"], "structure": row["label"], "slice": row["slice"]}
        layout.link("case", "See the slice", **{key: str(value) for key, value in asked.items()})


_COLUMNS = {
    **layout.digits(("sensitivity", "low", "high", "f1", "value", "false_per_case", "average_precision")),
    "volume_ml": st.column_config.NumberColumn("volume, mL", format="%.3f"),
    "false_positive_volume_ml": st.column_config.NumberColumn("false volume, mL", format="%.2f"),
    "false_negative_volume_ml": st.column_config.NumberColumn("missed volume, mL", format="%.2f"),
    "nearest_mm": st.column_config.NumberColumn("nearest, mm", format="%.1f"),
}


class _Tables(NamedTuple):
    tables: LesionTables
    pooled: pd.DataFrame
    figures: pd.DataFrame
    froc: FrocTables


@reading.cached(16)
def _structures(runs: ComparableRuns) -> tuple[str, ...]:
    return lesion_structures(runs) if can_find_lesions(runs) else ()


@reading.cached(4)
def _tables(runs: ComparableRuns, label: str, models: tuple[str, ...]) -> _Tables | str:
    """Return the tables of one structure, or why there are none."""
    try:
        tables = compared_lesions(runs, dataset_of(runs), models, [label])
    except CtbenchError as error:
        return str(error)
    return _Tables(tables, lesion_sensitivity_table(tables.lesions), lesion_figures(tables), froc_tables(tables))
