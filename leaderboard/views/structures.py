"""Page Structures: scores by structure, confusion between structures, and correlation with size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pandas as pd
import streamlit as st

from ctbench.errors import CtbenchError
from ctbench.metric_descriptions import REFERENCE_VOLUME
from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.drawings.heatmaps import heat_chart
from ctbench.report.drawings.structure_charts import box_chart, size_chart
from ctbench.report.frames import tables
from ctbench.report.frames.boxplots import box_table, marked
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.confusion import confusion_table
from ctbench.report.frames.sizes import size_points
from ctbench.report.wording import counted, metric_title
from ctbench.scores import RaterKind, Status
from ctbench.statistics import size_correlation
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection, dataset_of

__all__ = ["show"]

_MOST = 6
_MEANS = "mean of each structure"


def show(selection: Selection) -> None:
    """Draw the page."""
    runs = selection.runs
    with st.container(horizontal=True, vertical_alignment="bottom"):
        models = controls.first_of("Models", runs.models, "models", most=_MOST)
        tested = controls.choice("Test the readers against", models, "tested") if models else ""
        grouped = controls.switch("Groups of structures too", "groups")
    scores = _chosen(selection, models)
    if scores.empty:
        layout.note("Nobody was scored by this metric against this reference.")
        return
    _boxes(selection, scores, tested, _structures(selection, scores, grouped))
    _confusion(selection, models)
    _sizes(selection, models)


def _structures(selection: Selection, scores: pd.DataFrame, grouped: bool) -> list[str]:
    """Return the structures to show: labels, and groups if wanted, or if a model of those shown knows groups only."""
    labels, groups = set(selection.runs.labels), selection.runs.groups
    models = scores[scores["rater_kind"] == RaterKind.MODEL]
    coarse = any(not labels & set(own) for _, own in models.groupby("rater")["label"])
    wanted = [*selection.runs.labels, *(groups if grouped or coarse else ())]
    return [name for name in wanted if name in set(scores["label"])]


def _chosen(selection: Selection, models: Sequence[str], **other: str) -> pd.DataFrame:
    """Return the scores of the readers and of some models, without unsupported structures."""
    rows = selection.scores(raters=[*models, *selection.readers()], **other)
    return rows[rows["status"] != Status.UNSUPPORTED]


def _boxes(selection: Selection, scores: pd.DataFrame, tested: str, structures: Sequence[str]) -> None:
    title = f"{metric_title(selection.metric)} by structure, against {selection.reference}"
    layout.text(title, "title")
    drawn = scores[scores["label"].isin(list(structures))]
    compared = (
        _comparison(selection, tested, tuple(structures))
        if tested and (scores["rater_kind"] == RaterKind.READER).any()
        else None
    )
    boxes = box_table(drawn)
    boxes = boxes.assign(mark="") if compared is None else marked(boxes, compared)
    shades = palette(selection.runs)
    references = list(boxes["reference"].unique())
    for place, reference in zip(st.columns(max(len(references), 1)), references, strict=False):
        own = boxes[boxes["reference"] == reference]
        with place:
            layout.text(f"against {reference}", "muted")
            chart = box_chart(own, structures=structures, palette=shades, metric=selection.metric, unit=_unit(scores))
            layout.chart(chart, counted(own["n"]))
    layout.text(_explained(selection, compared, tested), "muted")
    if compared is not None:
        with layout.folded("Means, differences and P values"):
            layout.table(_readable(compared), f"structures-{selection.runs.dataset}-{selection.metric}")


@reading.cached(16)
def _comparison(selection: Selection, tested: str, structures: tuple[str, ...]) -> pd.DataFrame:
    scores = selection.scores(raters=[tested, *selection.readers()])
    return tables.comparison(
        scores,
        model=tested,
        structures=tables.supported(scores, tested, structures),
        averaged=tables.scope(scores, tested, selection.runs.labels, selection.runs.groups),
        metric=selection.metric,
        reference=selection.reference,
        patients=selection.patients(),
    )


def _explained(selection: Selection, compared: pd.DataFrame | None, tested: str) -> str:
    if compared is None:
        return explanations.BOXES
    whose = (
        "Each reader and the models stand on the reference that the other readers made; read within one chart, never "
        "across."
        if selection.reference == tables.LEAVE_ONE_OUT
        else explanations.CONTRIBUTE_EFFECT
    )
    paired = selection.reference == tables.LEAVE_ONE_OUT
    marks = explanations.marks if paired else explanations.paper_marks
    return f"{explanations.BOXES} {marks('the tested model')} Tested: {tested}. {whose}"


def _readable(compared: pd.DataFrame) -> pd.DataFrame:
    marks = compared["reader_better"].map({True: "*", False: ""}).mask(compared["model_better"].astype(bool), "†")
    return compared.drop(columns=["reader_better", "model_better"]).assign(mark=marks)


def _confusion(selection: Selection, models: Sequence[str]) -> None:
    layout.text("What is taken for what", "title")
    if not models:
        layout.text("Choose a model above.", "muted")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = controls.choice("Model", models, "confused")
        wanted = controls.switch(
            "Count the voxels", "confusion", hint="reads all predictions and references of the dataset: some seconds"
        )
    if not wanted:
        layout.text(
            "The confusion matrix counts voxels of all cases: in percent of each structure of the reference, how the "
            "model called them. Turn the switch on to count it.",
            "muted",
        )
        return
    try:
        table = _counted_voxels(selection.runs, model)
    except CtbenchError as error:
        layout.note(f"The voxels cannot be counted: {error}")
        return
    names = list(table["reference"].unique())
    layout.chart(
        heat_chart(
            table,
            rows="reference",
            columns="prediction",
            value="percent",
            title="% of the reference's voxels",
            digits=1,
            order=(names, names),
            domain=(0, 100),
            titles=("in the reference", "called"),
        ),
        f"{model}: each row adds up to 100 %; n = {table['cases'].iloc[0]} cases, without voxels that do not count.",
    )
    with layout.folded("The counts"):
        layout.table(table, f"confusion-{selection.runs.dataset}")


@reading.cached(8)
def _counted_voxels(runs: ComparableRuns, model: str) -> pd.DataFrame:
    run = runs.open_run(model)
    over = [name for name in runs.labels if name not in run.manifest.unsupported]
    over = over or [name for name in runs.groups if name not in run.manifest.unsupported]
    return confusion_table(run, dataset_of(runs), over)


def _sizes(selection: Selection, models: Sequence[str]) -> None:
    layout.text("Does size explain it?", "title")
    common = selection.runs.common
    points = controls.choice("Points", [_MEANS, *selection.runs.labels], "points")
    if REFERENCE_VOLUME not in selection.runs.metrics or selection.metric == REFERENCE_VOLUME:
        layout.text("It needs the volumes of the references, and another metric.", "muted")
        return
    asked = (selection.metric, REFERENCE_VOLUME)
    scores = pd.concat([_chosen(selection, models, metric=metric, reference=common) for metric in asked])
    if points == _MEANS:
        chosen = scores[scores["label"].isin(selection.runs.labels)]
    else:
        chosen = scores[scores["label"] == points]
    across: Literal["labels", "cases"] = "labels" if points == _MEANS else "cases"
    drawn = size_points(chosen, across)
    if drawn.empty:
        layout.text("No score has a volume beside it.", "muted")
        return
    correlated = size_correlation(chosen, across=across)
    unit = str(scores.loc[scores["metric"] == selection.metric, "unit"].iloc[0])
    shades = palette(selection.runs)
    counted = f"{drawn['label'].nunique()} structures" if points == _MEANS else f"n = {drawn['case'].nunique()} cases"
    layout.chart(
        size_chart(drawn, palette=shades, metric=selection.metric, unit=unit),
        f"Against {common}; {counted}. {explanations.SIZE}",
    )
    layout.table(correlated, f"size-{selection.runs.dataset}-{selection.metric}")


def _unit(scores: pd.DataFrame) -> str:
    return str(scores["unit"].iloc[0])
