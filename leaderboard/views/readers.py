"""Page Readers: pairwise agreement, reliability, indeterminate voxels, and each reader against the others."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ctbench.agreement import (
    ReaderStudy,
    ReadingStudy,
    opening_sentences,
    opening_summary,
    reader_summary,
    reliability,
    study_readers,
)
from ctbench.errors import CtbenchError
from ctbench.metric_descriptions import SYMMETRIC_METRICS
from ctbench.report import explanations
from ctbench.report.drawings.agreement_charts import estimate_chart
from ctbench.report.drawings.heatmaps import heat_chart
from ctbench.report.drawings.snapshots import contested_cards
from ctbench.report.frames import tables
from ctbench.report.frames.agreement import (
    agreement_matrix,
    indeterminate_shares,
    of_volumes,
    statistic_title,
)
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.study_work import ON_A_BOARD, study_work
from ctbench.report.wording import counted, metric_heading, metric_title
from ctbench.statistics import OVERALL, Direction, describe, direction_of
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection, dataset_of
from leaderboard.views.reader_choices import show_choices
from leaderboard.views.reader_lesions import show_lesions
from leaderboard.views.reader_variability import show_variability

__all__ = ["show"]

_STAPLE = ("staple_sensitivity", "staple_specificity")
_DESCRIBED = ["label", "rater", "reference", "n", "mean", "sd", "low", "high", "median", "undefined", "penalised"]


def show(selection: Selection) -> None:
    """Draw the page."""
    if not selection.readers():
        layout.note(
            "No readers were scored on this dataset: it has one given reference, or their run was not submitted."
        )
        return
    top = st.container()
    _against_others(selection)
    layout.text("The readers with each other", "title")
    missing = _missing_masks(selection)
    if missing:
        layout.note(missing)
        return
    study = _asked_study(selection)
    if study is not None:
        _pairs(study)
        _reliability(study, _reliabilities(selection.runs))
        _indeterminate(study)
        _staple(study)
    readings = show_variability(selection)
    show_choices(selection)
    show_lesions(selection)
    with top:
        _opening(study or _brief(selection), readings)


def _opening(study: ReaderStudy | None, readings: ReadingStudy | None) -> None:
    """Show the result in numbers, of what has been compared: of many structures a sentence, with the others below."""
    sentences, summary = opening_sentences(study, readings), opening_summary(study, readings)
    if not summary:
        for sentence in sentences.values():
            layout.text(sentence)
        return
    layout.text(summary)
    with layout.folded("Each structure in a sentence"):
        for sentence in sentences.values():
            layout.text(sentence)


def _missing_masks(selection: Selection) -> str:
    """Return why the readers' masks are not here; empty if they are."""
    try:
        selection.dataset()
    except CtbenchError as error:
        return f"To compare the readers with each other their masks are needed. {error}"
    return ""


def _against_others(selection: Selection) -> None:
    """Show each reader against the consensus of the others, which the board has."""
    layout.text("Each reader against the others", "title")
    if tables.LEAVE_ONE_OUT not in selection.runs.references:
        layout.text("There are no references without one of the readers: two readers or fewer.", "muted")
        return
    metric = controls.choice("Metric", selection.runs.metrics, "metric", shown=metric_title)
    scores = selection.scores(metric=metric, reference=tables.LEAVE_ONE_OUT, raters=selection.readers())
    structures = (*selection.runs.labels, *selection.runs.groups)
    described = tables.in_order(describe(scores, by=("label", "rater", "reference")), structures)
    unit = str(scores["unit"].iloc[0])
    layout.chart(
        heat_chart(
            described.rename(columns={"rater": "reader"}),
            rows="label",
            columns="reader",
            value="mean",
            title=f"mean {metric_heading(metric, unit)}",
            good=direction_of(metric) is not Direction.LOWER,
            digits=3 if unit == "1" else 2,
            titles=("structure", "reader"),
        ),
        f"Means over cases, {counted(described['n'])}. Each reader stands against "
        f"{selection.runs.manifest.consensus} of the other readers, another reference for each: columns do not rank "
        "readers among themselves.",
    )
    with layout.folded("With intervals"):
        layout.table(described[_DESCRIBED], f"readers-{selection.runs.dataset}-{metric}")


def _asked_study(selection: Selection) -> ReaderStudy | None:
    """Compare the readers' masks: at once if there are few of them, else after a click."""
    runs = selection.runs
    try:
        if _work(runs) > ON_A_BOARD and not controls.switch(
            f"Compare the readers' masks ({len(runs.manifest.cases)} cases)",
            "masks",
            hint="reads all of them: some seconds a case",
        ):
            return None
        return _study(runs)
    except CtbenchError as error:
        layout.note(f"The readers cannot be compared with each other: {error}")
        return None


def _brief(selection: Selection) -> ReaderStudy | None:
    """Compare what the opening says, if that takes no longer than a visitor waits."""
    try:
        return _study(selection.runs, briefly=True) if _work(selection.runs, briefly=True) <= ON_A_BOARD else None
    except CtbenchError:
        return None  # the page says so where the masks are to be compared in full


@reading.cached(2)
def _work(runs: ComparableRuns, briefly: bool = False) -> float:
    return study_work(dataset_of(runs).select(runs.manifest.cases), briefly=briefly)


@reading.cached(4)
def _study(runs: ComparableRuns, briefly: bool = False) -> ReaderStudy:
    cases = dataset_of(runs).select(runs.manifest.cases)
    return study_readers(cases, consensus=runs.manifest.consensus, jobs=1, briefly=briefly)


def _pairs(study: ReaderStudy) -> None:
    layout.text("Who agrees with whom", "title")
    structures = (*((OVERALL,) if len(study.labels) > 1 else ()), *study.labels, *study.groups)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        scored = set(study.pairs["metric"])
        metric = controls.choice(
            "Agreement",
            [name for name in (*SYMMETRIC_METRICS, "cohen_kappa") if name in scored],
            "pairs",
            shown=statistic_title,
        )
        label = controls.choice("Structure", structures, "of")
    matrix = agreement_matrix(study, label, metric)
    if matrix["mean"].isna().all():
        layout.text("No pair of readers has a value here.", "muted")
        return
    unit = str(matrix["unit"].iloc[0])
    layout.chart(
        heat_chart(
            matrix,
            rows="reader",
            columns="other",
            value="mean",
            title=", ".join(part for part in (statistic_title(metric), "" if unit == "1" else unit) if part),
            good=direction_of(metric) is not Direction.LOWER if metric != "cohen_kappa" else True,
            digits=3 if unit == "1" else 2,
            order=(study.readers, study.readers),
        ),
        f"Means over the cases that both read, {counted(matrix['n'])}.",
    )
    with layout.folded("As a table"):
        layout.table(matrix, f"pairs-{study.dataset}-{metric}")


@reading.cached(2)
def _reliabilities(runs: ComparableRuns) -> pd.DataFrame:
    return reliability(_study(runs))


def _reliability(study: ReaderStudy, found: pd.DataFrame) -> None:
    layout.text("Reliability", "title")
    names = list(found["statistic"].unique())
    name = controls.choice("Statistic", names, "statistic", default="icc(2,1)", shown=statistic_title)
    own = found[found["statistic"] == name].dropna(subset="value")
    what = "of the volumes" if of_volumes(name) else "on the voxels of each case, averaged over cases"
    if own.empty:
        layout.text("It has no value here; the table says why.", "muted")
    else:
        layout.chart(
            estimate_chart(own, f"{statistic_title(name)} {what}"),
            f"Dots are estimates, lines their 95 % intervals, {counted(own['n'])}.",
        )
    with layout.folded("All statistics"):
        layout.table(found, f"reliability-{study.dataset}")


def _indeterminate(study: ReaderStudy) -> None:
    layout.text("Where no consensus is found", "title")
    shares = indeterminate_shares(study)
    percent = shares.assign(percent=100 * shares["share"])
    layout.chart(
        heat_chart(
            percent,
            rows="label",
            columns="case",
            value="percent",
            title="indeterminate voxels, %",
            good=False,
            digits=1,
            order=((*study.labels, *study.groups), study.cases),
            titles=("structure", "case"),
        ),
        f"Of the voxels in which any reader drew the structure, those that {study.consensus} leaves undecided; "
        f"n = {len(study.cases)} cases.",
    )
    rows = study.disagreement.rename(columns={"worst_slice_voxels": "voxels there"})
    layout.text("Choose a case to see the slice with the most contested voxels.", "muted")
    shown = rows.assign(worst_slice=rows["worst_slice"] + 1)
    chosen = layout.table(shown, f"disagreement-{study.dataset}", key="contested")
    if chosen is not None:
        row = shown.iloc[chosen]
        where = {} if pd.isna(row["worst_slice"]) else {"slice": str(row["worst_slice"])}
        layout.link("case", "See the case", case=str(row["case"]), show="outlines", **where)
    layout.snapshots(contested_cards(study), explanations.CONTESTED_SLICES)


def _staple(study: ReaderStudy) -> None:
    layout.text("What STAPLE makes of them", "title")
    described = reader_summary(study)
    own = described[described["metric"].isin(_STAPLE)]
    layout.text(explanations.STAPLE, "muted")
    layout.table(own[["label", "reader", "metric", "n", "mean", "sd", "low", "high"]], f"staple-{study.dataset}")
    layout.text("The same from one fit over all cases, with intervals over cases: each voxel weighs the same.", "muted")
    layout.table(study.performance, f"performance-{study.dataset}")
