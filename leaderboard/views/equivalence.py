"""Page Equivalence: is a model as good as the readers, within a margin of Dice?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from ctbench.metric_descriptions import DICE
from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.drawings.equivalence_chart import equivalence_chart
from ctbench.report.frames.equivalence import MARGIN, can_be_equivalent, equivalence_rows
from ctbench.report.frames.reader_population import can_be_population, population_rows, population_verdict
from ctbench.report.frames.tables import LEAVE_ONE_OUT
from ctbench.report.frames.verdict import against_readers
from ctbench.report.wording import counted
from ctbench.statistics import OVERALL
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection

__all__ = ["show"]

_MOST, _FEW = 8, 3  # on a large board each model takes most of a second


def show(selection: Selection) -> None:
    """Draw the page."""
    runs = selection.runs
    layout.text("As good as the readers?", "title")
    if not can_be_equivalent(runs):
        layout.note("It takes a model, readers of the same cases, and their Dice.")
        return
    answer = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        models = controls.first_of("Models", runs.models, "models", most=_MOST, few=_FEW)
        margin = controls.number("Margin of Dice", "margin", low=0.01, high=0.2, default=MARGIN, step=0.01)
        names = [OVERALL, *(name for name in runs.structures if any(name in runs.compared(one) for one in models))]
        label = controls.choice("Of", names, "of")
    if not models:
        layout.text("Choose a model.")
        return
    tested = pd.concat([_tested(selection, name, margin) for name in models], ignore_index=True)
    own = tested[tested["label"] == label]
    with answer:
        for name, rows in own.groupby("model", sort=False):
            layout.text(f"{name}: {against_readers(rows, margin)}.")
        layout.chart(
            equivalence_chart(own, margin, palette(selection.runs)),
            f"Dots: mean paired differences, lines: 90 % intervals; band: ± {margin:g}. {counted(own['n'])}.",
        )
        layout.table(own.drop(columns=["label", "rows_left_out", "margin"]), "equivalence", columns=_columns(90))
    layout.text(_how(selection, margin), "muted")
    if can_be_population(runs):
        _population(selection, models, margin)


def _population(selection: Selection, models: Sequence[str], margin: float) -> None:
    """Show, once asked for, the models against the readers as a population, all structures in one table."""
    if not controls.switch("Models against readers as a population", "population"):
        return  # half of the work of the page
    found = [_against_population(selection, name, margin) for name in models]
    rows = pd.concat(found, ignore_index=True)
    if rows.empty:
        layout.note("It takes two cases in which all of them have a Dice, on the references of all readers.")
        return
    layout.text(explanations.POPULATION, "muted")
    layout.table(rows, "reader-population", columns=_columns(95))


@reading.cached(64)
def _against_population(selection: Selection, model: str, margin: float) -> pd.DataFrame:
    runs = selection.runs
    scores = selection.scores(DICE, LEAVE_ONE_OUT, raters=(model, *runs.readers))
    found = population_rows(runs, scores, model, DICE, margin)
    if found.empty:
        return found
    said = [population_verdict(row, margin) for row in found.to_dict("records")]
    return found[list(_POPULATION)].assign(verdict=said)


_POPULATION = (
    *("model", "label", "readers", "n", "difference", "low", "high"),
    *("p", "p_equivalent", "p_non_inferior"),
)


@reading.cached(64)
def _tested(selection: Selection, model: str, margin: float) -> pd.DataFrame:
    runs = selection.runs
    scores = selection.scores(DICE, runs.fair, raters=(model, *runs.readers))
    tested = equivalence_rows(runs, scores, model, margin, selection.patients())
    tested.insert(0, "model", model)
    return tested


def _how(selection: Selection, margin: float) -> str:
    stands = "" if selection.runs.leave_one_out else f" {explanations.CONTRIBUTE_EFFECT}"
    return f"{explanations.equivalent(margin)} Choose the margin before you look.{stands}"


def _columns(percent: int) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    digits = {name: number(title.format(percent=percent), format="%.3f") for name, title in _TITLES.items()}
    digits |= {name: number(title) for name, title in _P_TITLES.items()}
    return {"rater": st.column_config.Column("reader"), "verdict": st.column_config.Column("in words")} | digits


_TITLES = {
    "difference": "difference",
    "low": "from ({percent} %)",
    "high": "to",
}
_P_TITLES = {
    "p": "P",
    "p_holm": "P Holm",
    "p_equivalence": "P not equivalent",
    "p_equivalent": "P not equivalent",
    "p_inferiority": "P inferior",
    "p_non_inferior": "P inferior",
}
