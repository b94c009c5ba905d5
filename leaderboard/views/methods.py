"""Page Methods: the card of each model, and its failures."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from ctbench.errors import CtbenchError
from ctbench.report import explanations
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.methods import failures_of, method_card, method_table
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection

__all__ = ["show"]

_TAIL = 40


def show(selection: Selection) -> None:
    """Draw the page."""
    table = _table(selection.runs)
    layout.text(f"Methods scored on {selection.runs.dataset}", "title")
    if table.empty:
        layout.text("No model has been scored on this dataset; only readers have.")
        return
    layout.table(table, f"methods-{selection.runs.dataset}", columns=_COLUMNS)
    name = controls.choice("Method", table["rater"].tolist(), "method")
    layout.text(name, "title")
    card = _card(selection.runs, name)
    layout.facts(card.itertuples(index=False, name=None))
    _failures(selection, name)
    _log(selection, name)


_COLUMNS = {
    "rater": st.column_config.Column("method", pinned=True, width="medium"),
    "description": st.column_config.Column("description", width="large"),
    "trained_on": st.column_config.Column("trained on"),
    "size": st.column_config.NumberColumn("parameters", help="trainable ones; 0: unknown"),
    "paper_size": st.column_config.NumberColumn("of the paper's", help="trainable parameters of the paper's network"),
    "labels": st.column_config.NumberColumn("labels", help="how many structures it claims to know"),
    "seconds": st.column_config.NumberColumn("s per case", format="%.2f", help="median time of a prediction"),
    "failed": st.column_config.NumberColumn("failed", help="cases without a prediction"),
}


@reading.cached(8)
def _table(runs: ComparableRuns) -> pd.DataFrame:
    return method_table(runs)


@reading.cached(32)
def _card(runs: ComparableRuns, name: str) -> pd.DataFrame:
    return method_card(runs, name)


@reading.cached(32)
def _lost(runs: ComparableRuns, name: str) -> pd.DataFrame:
    return failures_of(runs, name)


def _failures(selection: Selection, name: str) -> None:
    lost = _lost(selection.runs, name)
    layout.text("Failures", "subtitle")
    if lost.empty:
        layout.text("It gave a prediction for every case.")
        return
    layout.text(f"{len(lost)} {explanations.LOST}.")
    layout.table(lost, "failures", columns={"detail": st.column_config.Column("what happened", width="large")})


def _log(selection: Selection, name: str) -> None:
    layout.text("Log", "subtitle")
    try:
        messages = selection.run(name).messages()
    except CtbenchError as error:
        layout.text(f"The log cannot be shown: {error}", "muted")
        return
    if not messages:
        layout.text("The log is empty: nothing went wrong.")
        return
    layout.text(f"The last {min(_TAIL, len(messages))} of {len(messages)} messages", "muted")
    layout.code("\n".join(json.dumps(message, ensure_ascii=False) for message in messages[-_TAIL:]))
