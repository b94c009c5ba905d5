"""Section of the page Readers: the readers' lesions, who found each, and the most disputed ones in their slices."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ctbench.agreement import (
    LesionStudy,
    found_and_missed,
    lesion_counts,
    lesion_numbers,
    lesion_presence,
    lesion_readers,
    study_lesions,
)
from ctbench.errors import CtbenchError
from ctbench.report import explanations
from ctbench.report.drawings.heatmaps import heat_chart
from ctbench.report.drawings.snapshots import disputed_cards
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.lesion_summaries import lesion_structures
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection, dataset_of

__all__ = ["SWITCH", "show_lesions"]

SWITCH = "lesions"
"""Query parameter by which the section is opened."""

_DIGITS = layout.digits(
    (
        *(f"{name}{end}" for name in ("positive", "ac1", "kappa") for end in ("", "_low", "_high")),
        *("sensitivity", "low", "high", "precision", "precision_low", "precision_high", "dispute"),
    )
)
_COLUMNS = {**_DIGITS, "volume_ml": st.column_config.NumberColumn("volume, mL", format="%.3f")}


def show_lesions(selection: Selection) -> None:
    """Show the lesions of a structure among the readers, after a click: all masks are read."""
    runs = selection.runs
    structures = _structures(runs)
    if not structures:
        return
    layout.text("Lesions among the readers", "title")
    count = len(runs.manifest.cases)
    if not controls.switch(f"Match the readers' lesions ({count} cases)", SWITCH, hint="reads all masks"):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = controls.choice("Structure", structures, "lesions_of")
        tolerance_mm = controls.number(
            "Joined up to, mm", "lesions_mm", low=0.0, high=20.0, default=0.0, step=0.5, hint="0: lesions must overlap"
        )
    try:
        study = _study(runs, label, tolerance_mm)
    except CtbenchError as error:
        layout.note(f"The readers' lesions cannot be matched: {error}")
        return
    layout.text(explanations.lesion_candidates(tolerance_mm), "muted")
    if study.lesions.empty:
        layout.note(f"No reader drew {label}.")
        return
    name = f"{runs.dataset}-{label}"
    _presence(study, name)
    _readers(study, name)
    _disputed(study, name)


def _presence(study: LesionStudy, name: str) -> None:
    layout.text("Agreement on presence", "subtitle")
    layout.text(explanations.READER_LESION_PRESENCE, "muted")
    layout.table(lesion_presence(study).drop(columns="label"), f"lesion-presence-{name}", columns=_COLUMNS)
    layout.text(explanations.LESION_NUMBERS, "muted")
    layout.figures_table(lesion_numbers(study).drop(columns="label"), f"lesion-numbers-{name}")
    layout.text("Lesions that at least so many readers found", "subtitle")
    layout.table(lesion_counts(study).drop(columns="label"), f"lesion-counts-{name}", columns=_COLUMNS)


def _readers(study: LesionStudy, name: str) -> None:
    layout.text("Who finds what others miss", "subtitle")
    pairs = found_and_missed(study)
    layout.chart(
        heat_chart(
            pairs.assign(n=pairs["both"] + pairs["missed"]),
            rows="reader",
            columns="other",
            value="missed",
            title="lesions missed",
            good=False,
            digits=0,
            order=(sorted(set(pairs["reader"])), sorted(set(pairs["other"]))),
            titles=("found by", "missed by"),
        ),
        f"Lesions that the reader of the row found and the one of the column missed, n = {len(study.lesions)} "
        "candidates; of pairs who read no place together there is no square.",
    )
    layout.text(explanations.READER_LESIONS, "muted")
    layout.table(lesion_readers(study).drop(columns="label"), f"lesion-readers-{name}", columns=_COLUMNS)


def _disputed(study: LesionStudy, name: str) -> None:
    layout.text("Disputed lesions", "subtitle")
    rows = study.disputed
    if rows.empty:
        layout.text(explanations.NOTHING_DISPUTED, "muted")
        return
    layout.text(f"{explanations.DISPUTED_LESIONS} Choose a row to see its slice.", "muted")
    shown = rows.drop(columns=["patient", "label"]).assign(slice=rows["slice"] + 1)
    chosen = layout.table(shown, f"lesion-disputes-{name}", columns=_COLUMNS, key="disputed")
    if chosen is not None and chosen < len(rows):
        row: pd.Series = rows.iloc[chosen]
        asked = {"case": row["case"], "structure": row["label"], "slice": row["slice"] + 1, "show": "outlines"}
        layout.link("case", "See the slice", **{key: str(value) for key, value in asked.items()})
    layout.snapshots(disputed_cards(study), explanations.DISPUTED_PICTURES)


@reading.cached(16)
def _structures(runs: ComparableRuns) -> tuple[str, ...]:
    try:
        return lesion_structures(runs)
    except CtbenchError:
        return ()  # the board keeps no files of its runs on this machine


@reading.cached(4)
def _study(runs: ComparableRuns, label: str, tolerance_mm: float) -> LesionStudy:
    cases = dataset_of(runs).select(runs.manifest.cases)
    return study_lesions(cases, tolerance_mm=tolerance_mm, structures=[label], jobs=1)
