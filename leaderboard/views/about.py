"""Page About: definitions of metrics and rules, the audit of the papers, and how to submit a run."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ctbench.report import explanations
from ctbench.report.frames.audits import audit_tables
from ctbench.report.frames.comparable_runs import broken_runs
from ctbench.report.frames.definitions import consensus_rules, metric_definitions
from leaderboard import layout, reading

__all__ = ["show"]

_PRINCIPLES = """\
Readers are not scored against a ground truth that they helped to make: reader and model are compared on the \
consensus of the other readers. Scores on different references are never compared.
Voxels on which the readers found no consensus are not counted in overlap, volumes and distances: a prediction inside \
the band on which they disagree is neither rewarded nor penalised.
An undefined score has no value but a status, never a silent 0 or 1. A missed structure, a failed or a missing \
prediction counts with the worst possible value, so that missing something never improves a mean. Every mean is shown \
with the number of values, and how many were undefined, penalised or failed.
A predictor sees images only; third-party code runs in a sandbox without the references."""
_WIDE = st.column_config.Column(width="large")


def show() -> None:
    """Draw the page."""
    layout.text("What the numbers mean", "title")
    for words in _PRINCIPLES.splitlines():
        layout.text(words)
    layout.text("Metrics", "subtitle")
    known = metric_definitions()
    layout.facts((row["title"], f"{row['definition']} {row['source']}.") for row in known.to_dict("records"))
    layout.text("Values of a metric for empty masks and missing predictions", "subtitle")
    layout.text(explanations.VALUES_WHERE_EMPTY, "muted")
    layout.table(known.drop(columns=["definition", "source"]), "metrics")
    layout.text("Consensus rules", "subtitle")
    layout.facts(consensus_rules().itertuples(index=False, name=None))
    _audit()
    _submit()
    _board()


def _audit() -> None:
    layout.text("Do the papers' tables agree with themselves?", "title")
    layout.text(explanations.AUDIT)
    counts, findings = _audited()
    layout.table(counts, "audit-counts")
    with layout.folded("All findings"):
        layout.table(findings, "audit", columns={"detail": _WIDE})


@reading.cached(1)
def _audited() -> tuple[pd.DataFrame, pd.DataFrame]:
    return audit_tables()


def _submit() -> None:
    layout.text("How to get on the board", "title")
    layout.text("Score a model, and submit the run; it is scored again from its predictions before it is accepted.")
    layout.code(
        "ctbench run my_model:MyModel --dataset phantom-hemorrhage\n"
        "ctbench submit runs/phantom-hemorrhage/my_model-MyModel --to BOARD\n"
        'ctbench withdraw DIGEST --from BOARD --reason "..."'
    )


def _board() -> None:
    board = reading.board()
    broken = broken_runs(board)
    layout.text("This board", "title")
    layout.text(f"{len(board.runs)} runs, of which {len(broken)} cannot be read.")
    counts = board.runs["checked"].value_counts()
    layout.text("; ".join(f"{count} {name}" for name, count in counts.items()) + ".")
    if len(broken):
        layout.table(broken, "broken", columns={"problem": _WIDE})
