"""Page Detection: sensitivity and specificity by case, by type and size, at any threshold and prevalence."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from ctbench.errors import CtbenchError
from ctbench.metric_descriptions import VOLUMES
from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.drawings.detection_charts import roc_chart
from ctbench.report.frames import tables
from ctbench.report.frames.case_calls import (
    RATES,
    STRATA,
    any_finding,
    at_prevalence,
    case_calls,
    detection_rows,
    stratum_rows,
)
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.roc import roc_table
from ctbench.report.frames.strata import Strata, strata
from ctbench.scores import OUTCOMES, RaterKind, Status
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection, scores_of

__all__ = ["show"]

_MOST = 8


def show(selection: Selection) -> None:
    """Draw the page."""
    runs = selection.runs
    if not set(VOLUMES) <= set(runs.metrics):
        layout.note("Detection is judged by volumes, and those were not scored on this dataset.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        models = controls.first_of("Models", runs.models, "models", most=_MOST)
        with_readers = controls.switch("Readers too", "readers", default=not models)
    found = _calls(runs, (*models, *(selection.readers() if with_readers else ())))
    if found.empty:
        layout.note(
            "There is nothing to detect: each structure is in all of the cases or in none, or nobody was chosen."
        )
        return
    labels = list(found["label"].unique())
    whole = [name for name in any_finding(runs.labels) if name in labels]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = controls.choice("Finding", labels, "finding", default=whole[0] if whole else None)
        prevalence = controls.number(
            *("Prevalence", "prevalence"),
            low=0.0,
            high=1.0,
            default=0.5,
            step=0.01,
            hint="share of positive cases for which predictive values are worked out; 0.5: the papers' balanced set",
        )
    own = found[found["label"] == label]
    curves, wrong = st.columns(2)
    with curves:
        _curves(own, selection)
    with wrong:
        _wrong(own, selection)
    _rates(own, label, prevalence, selection)
    _strata(own, label, selection)


@reading.cached(8)
def _calls(runs: ComparableRuns, raters: tuple[str, ...]) -> pd.DataFrame:
    common = runs.common
    references = [common, *([tables.LEAVE_ONE_OUT] if tables.LEAVE_ONE_OUT in runs.references else [])]
    scores = [scores_of(runs, metric, reference, raters) for metric in VOLUMES for reference in references]
    return case_calls(
        pd.concat(scores),
        common=common,
        structures=(*runs.labels, *runs.groups),
        findings=any_finding(runs.labels),
        sure=lambda rater, case: _sure(runs, rater, case),
    )


def _sure(runs: ComparableRuns, rater: str, case: str) -> float | None:
    try:
        return runs.open_run(rater).findings(case)[0]
    except CtbenchError:
        return None  # the board has no predictions; cases are still called by volume


def _curves(found: pd.DataFrame, selection: Selection) -> None:
    layout.text("ROC", "title")
    curves = roc_table(found)
    positive = found.drop_duplicates("case")["truth"].astype(bool)
    stands = (
        explanations.detection_references(selection.runs.common)
        if (found["rater_kind"] == RaterKind.READER).any()
        else f"Against {selection.runs.common}."
    )
    layout.chart(
        roc_chart(curves, palette(selection.runs)),
        f"n = {len(positive)} cases, {positive.sum()} of them positive; the dashed diagonal is chance. {stands}",
    )


def _rates(found: pd.DataFrame, label: str, prevalence: float, selection: Selection) -> None:
    layout.text("Rates", "title")
    rows = at_prevalence(detection_rows(found), prevalence)
    layout.table(
        _percent(rows)[[*_head(), "prevalence", *_rate_columns(), "ppv_at", "npv_at", "left_out"]],
        f"detection-{selection.runs.dataset}-{label}",
        columns=_config(prevalence),
    )
    layout.text(
        f"{explanations.DETECTION} The last two columns are the predictive values in a set with the chosen share of "
        "positive cases.",
        "muted",
    )


def _strata(found: pd.DataFrame, label: str, selection: Selection) -> None:
    if label not in any_finding(selection.runs.labels):
        return
    known = _known_strata(selection)
    for column in STRATA:
        if known.frame.empty or (column in known.derived and known.frame[column].nunique() < 2):
            continue
        rows = stratum_rows(found, known.frame[column])
        title = column.replace("_", " ")
        with layout.folded(f"By {title} of the positive cases"):
            layout.text(f"{explanations.STRATA} {known.rule if column in known.derived else ''}".strip(), "muted")
            layout.table(
                _percent(rows)[[*_head()[:2], column, *_head()[2:], *_rate_columns()]],
                f"detection-{selection.runs.dataset}-by-{column}",
                columns=_config(0.5),
            )


def _known_strata(selection: Selection) -> Strata:
    """Return type and size class of each case; from the reference's volumes where the dataset is not here."""
    try:
        dataset = selection.dataset()
    except CtbenchError:
        dataset = None
    return strata(selection.runs, dataset, selection.runs.common)


def _wrong(found: pd.DataFrame, selection: Selection) -> None:
    """Show the wrongly called cases; selecting a row links to its slices."""
    wrong = found[(found["score"] >= found["threshold"]) != found["truth"].astype(bool)]
    if wrong.empty:
        layout.text("Nobody called a case wrongly.", "muted")
        return
    layout.text("Wrongly called", "title")
    layout.text("Choose a row to see the case.", "muted")
    shown = wrong.assign(
        was=wrong["truth"].map({True: OUTCOMES[Status.PREDICTION_EMPTY], False: OUTCOMES[Status.REFERENCE_EMPTY]})
    )
    shown = shown[["case", "rater", "was", "by", "score", "lost"]].rename(columns={"lost": "no prediction"})
    chosen = layout.table(shown, f"wrong-{selection.runs.dataset}", key="wrong")
    if chosen is not None:
        row = shown.iloc[chosen]
        layout.link("case", "See the case", case=str(row["case"]), rater=str(row["rater"]))


def _head() -> list[str]:
    return ["rater", "by", "n", "positive"]


def _rate_columns() -> list[str]:
    return [name + ending for name in RATES for ending in ("", "_low", "_high")]


def _percent(rows: pd.DataFrame) -> pd.DataFrame:
    """Return shares in percent; the AUC is not changed."""
    shares = [name for name in (*_rate_columns(), "ppv_at", "npv_at", "prevalence") if name in rows]
    return rows.assign(**{name: 100 * rows[name] for name in shares if not name.startswith("auc")})


def _config(prevalence: float) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    found: dict[str, Any] = {
        "by": st.column_config.Column("called positive"),
        "prevalence": number("positive, %", format="%.1f"),
        "ppv_at": number(f"PPV at {prevalence:.0%}, %", format="%.1f"),
        "npv_at": number(f"NPV at {prevalence:.0%}, %", format="%.1f"),
        "left_out": number("left out", help="cases without a score"),
    }
    for name, title in RATES.items():
        digits, unit = ("%.3f", "") if name == "auc" else ("%.1f", ", %")
        found[name] = number(f"{title}{unit}", format=digits)
        found[f"{name}_low"] = number("from", format=digits, help=f"95 % interval of the {title}")
        found[f"{name}_high"] = number("to", format=digits, help=f"95 % interval of the {title}")
    return found
