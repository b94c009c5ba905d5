"""Page Uncertainty: reliability diagrams, figures of the models' probabilities, and the worst calibrated cases."""

from __future__ import annotations

import streamlit as st

from ctbench.errors import CtbenchError, StoreError
from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.drawings.reliability_charts import reliability_chart
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.uncertainty import (
    DOMAIN_TITLES,
    UncertaintyTables,
    can_be_uncertain,
    compared_uncertainty,
    domains_of,
    runs_with_probabilities,
)
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection

__all__ = ["show"]


def show(selection: Selection) -> None:
    """Draw the page."""
    domain = controls.choice("Voxels", _domains(selection.runs), "domain")
    where = DOMAIN_TITLES[domain]
    layout.text(f"Reliability {where}", "title")
    found = _tables(selection.runs, domain)
    if found is None or found.figures.empty:
        layout.note(
            "No run of this dataset keeps probabilities of its structures; `ctbench run --keep-probabilities` does."
        )
        return
    label = controls.choice("Structure", list(found.figures["label"].unique()), "label")
    figures, diagrams, worst = (one[one["label"] == label] for one in found)
    layout.chart(
        reliability_chart(diagrams, palette(selection.runs)),
        f"{label}, n = {diagrams['voxels'].sum():,} voxels of all models. {explanations.RELIABILITY_LINES}",
    )
    layout.text(f"Figures {where}", "title")
    name = f"uncertainty-{selection.runs.dataset}-{label}-{domain}"
    titled = figures.assign(figure=figures["figure"].map(explanations.FORECAST_TITLES))
    layout.table(titled.drop(columns=["domain", "label"]), name, columns=_COLUMNS)
    layout.text(explanations.uncertainty(where), "muted")
    layout.text("Worst calibrated cases", "title")
    shown = worst.drop(columns=["domain", "label"])
    chosen = layout.table(shown, f"worst-{name}", columns=_COLUMNS, key="worst")
    if chosen is not None:
        row = shown.iloc[chosen]
        layout.link("case", "See the case", case=str(row["case"]), rater=str(row["rater"]))


_COLUMNS = {
    **{name: st.column_config.NumberColumn(name, format="%.4f") for name in ("value", "low", "high")},
    "ece": st.column_config.NumberColumn(explanations.FORECAST_TITLES["ece"], format="%.4f"),
    "forecast_share": st.column_config.NumberColumn("mean probability", format="%.4f"),
    "observed_share": st.column_config.NumberColumn("mean share of readers", format="%.4f"),
}


@reading.cached(8)
def _domains(runs: ComparableRuns) -> list[str]:
    try:
        return domains_of(list(runs_with_probabilities(runs).values()))
    except CtbenchError:
        return domains_of([])


@reading.cached(8)
def _tables(runs: ComparableRuns, domain: str) -> UncertaintyTables | None:
    if not can_be_uncertain(runs):
        return None
    try:
        return compared_uncertainty(runs, domain)
    except StoreError:
        return None  # the board keeps no files of its runs on this machine
