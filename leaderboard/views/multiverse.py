"""Page Multiverse: the same scores ranked under every combination of choices, and which conclusions survive."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ctbench.errors import CtbenchError
from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.drawings.specification_chart import specification_chart
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.lesion_summaries import can_find_lesions, compared_lesions
from ctbench.report.frames.multiverse import (
    CHOICES,
    better_first,
    can_turn,
    closest_pair,
    conclusions,
    specifications,
    summary_of,
    turning_points,
)
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection, dataset_of

__all__ = ["show"]

_MOST, _FEW = 12, 6
"""Models that can be chosen, and those that are chosen at first where there are more: every pair is compared."""


def show(selection: Selection) -> None:
    """Draw the page."""
    runs = selection.runs
    layout.text("Which conclusions survive?", "title")
    if not can_turn(runs):
        layout.note("It takes two models, or a model and readers.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        models = controls.first_of("Models", runs.models, "models", most=_MOST, few=_FEW)
        has_lesions = _has_lesions(runs) and controls.switch(
            "Protocols of lesions too", "lesion_protocols", hint="reads the masks of all cases"
        )
    narrowed = runs.of(models)
    if not models or not can_turn(narrowed):
        layout.note("Choose at least two models.")
        return
    ranked = _ranked(runs, tuple(models), has_lesions)
    if isinstance(ranked, str):
        layout.note(f"The scores cannot be ranked here: {ranked}")
        return
    found = conclusions(ranked)
    layout.text(f"Of {len(models)} of {len(runs.models)} models: {summary_of(found)}")
    upper = found[better_first(found)].reset_index(drop=True)
    pairs = list(zip(upper["first"], upper["second"], strict=True))
    first, second = controls.choice(
        "Pair", pairs, "pair", default=closest_pair(found), shown=lambda pair: f"{pair[0]} or {pair[1]}"
    )
    points = turning_points(ranked, first, second)
    layout.chart(
        specification_chart(points, CHOICES, first, second, palette(runs)),
        f"{first} or {second}, n = {len(points)} combinations: a column for each, in the order of the difference; the "
        "squares below say which options it is made of.",
    )
    name = f"multiverse-{runs.dataset}"
    with layout.folded("Every combination as a table"):
        layout.table(points.drop(columns="place"), f"{name}-combinations", columns=_COLUMNS)
    layout.text("All pairs", "title")
    layout.table(upper, name, columns=_COLUMNS)
    layout.text(explanations.MULTIVERSE, "muted")


_COLUMNS = {
    "share": st.column_config.NumberColumn("share in which the first is better", format="%.3f"),
    "difference": st.column_config.NumberColumn("difference", format="%.4f"),
}


@reading.cached(16)
def _has_lesions(runs: ComparableRuns) -> bool:
    return can_find_lesions(runs)


@reading.cached(8)
def _ranked(runs: ComparableRuns, models: tuple[str, ...], has_lesions: bool) -> pd.DataFrame | str:
    """Return every combination of some models with its ranks, or why there is none."""
    try:
        lesions = [compared_lesions(runs, dataset_of(runs), models).cases] if has_lesions else []
        return specifications([runs.of(models)], lesions=lesions)
    except CtbenchError as error:
        return str(error)
