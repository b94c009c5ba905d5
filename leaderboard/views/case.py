"""Page Case: the slices of one case with the masks of the raters; the worst cases come first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from ctbench.errors import CtbenchError
from ctbench.report import explanations
from ctbench.report.drawings.canvas import png
from ctbench.report.drawings.case_charts import slice_chart
from ctbench.report.drawings.colours import ERROR_COLOURS, outline_colours, palette, structure_colours
from ctbench.report.drawings.scene import Scene, read_scene
from ctbench.report.drawings.slices import WINDOWS, Layer, draw_slice, errors_by_slice, first_slice
from ctbench.report.drawings.volumes import nifti_errors, nifti_image
from ctbench.report.frames import tables
from ctbench.report.frames.case_order import case_scores, worst_first
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.wording import fixed, metric_title
from ctbench.scores import OUTCOMES, Status, left_out
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection, dataset_of

__all__ = ["show"]

Kind = Literal["errors", "structures", "outlines", "image"]


class Choice(NamedTuple):
    """Options of the pictures."""

    kind: Kind
    window: tuple[float, float] | None


_KINDS: tuple[Kind, ...] = ("errors", "structures", "outlines", "image")
_WHOLE = "whole range"
_WINDOWS_SAID = "brain: level 40, width 80 HU; subdural: 75, 215; bone: 600, 2800; whole range: for images not in HU"
_MOST = 8
_VIEWER_SAID = "the whole case, to be turned, with the errors in the colours of the slices"
_SLICE, _TABLE = "slice", "case_table"
_SEEN_ROWS, _SEEN_CASE = "case_seen_rows", "case_seen"


def show(selection: Selection) -> None:
    """Draw the page."""
    raters = (*selection.runs.models, *selection.readers())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rater = controls.choice("Rater", raters, "rater")
        order = worst_first(selection.scores(raters=[rater]), selection.structure.over)
        if order.empty:
            layout.note(f"{rater} was not scored by this metric against this reference.")
            return
        case = controls.choice("Case, worst first", _picked(order), "case")
        kind = controls.choice(
            "Show",
            _KINDS,
            "show",
            hint="over the image: the errors of the rater, what it drew, several raters, nothing",
        )
        window = controls.choice(
            "Window", [*WINDOWS, _WHOLE], "window", default=_usual_window(selection), hint=_WINDOWS_SAID
        )
        reference = _ask_reference(selection, rater)
    _title(selection, order, rater, case)
    outlined = _ask_outlined(selection, rater) if kind == "outlines" else (rater,)
    scene = _scene_here(selection, case, outlined)
    pictures, beside = st.columns([3, 2])
    with pictures:
        if scene is not None:
            _pictures(selection, scene, rater, outlined, reference, Choice(kind, WINDOWS.get(window)))
    with beside:
        _scores(selection, rater, case, reference)
        _all_cases(selection, order)


def _usual_window(selection: Selection) -> str:
    """Return the initial window; images that are not CT have no HU."""
    try:
        return next(iter(WINDOWS)) if selection.dataset().modality == "CT" else _WHOLE
    except CtbenchError:
        return next(iter(WINDOWS))


def _picked(order: pd.DataFrame) -> list[str]:
    """Return the cases in their order; a row just selected in the table becomes the case that is shown."""
    cases = [str(case) for case in order["case"]]
    rows = st.session_state.get(_TABLE, {}).get("selection", {}).get("rows", [])
    if rows != st.session_state.get(_SEEN_ROWS):
        st.session_state[_SEEN_ROWS] = rows
        if rows and rows[0] < len(cases):
            st.session_state["case"] = cases[rows[0]]
    return cases


def _title(selection: Selection, order: pd.DataFrame, rater: str, case: str) -> None:
    place = int(order.index[order["case"] == case][0])
    row = order.iloc[place]
    unit = selection.unit()
    value = f"{metric_title(selection.metric)} {fixed(row['value'], unit)}{'' if unit == '1' else f' {unit}'}"
    layout.text(f"{case}: {value} of {rater}", "title")
    said = f"; {row['outcome']}" if row["outcome"] != OUTCOMES[Status.OK] else ""
    said += f": {row['detail']}" if row["detail"] else ""
    where = f"{selection.structure.title}, against {selection.reference}"
    layout.text(f"{where}; {place + 1} of {len(order)}, from the worst{said}.", "muted")


def _ask_reference(selection: Selection, rater: str) -> str:
    """Return the reference of the pictures: for a reader the one made without it, for a model the chosen one."""
    if selection.reference != tables.LEAVE_ONE_OUT:
        return selection.reference
    names = selection.runs.expanded(tables.LEAVE_ONE_OUT)
    if rater in selection.runs.models:
        return controls.choice("Against", names, "against")
    return next((name for name in names if left_out(name) == rater), names[0])


def _ask_outlined(selection: Selection, rater: str) -> tuple[str, ...]:
    names = (*selection.readers(), *selection.runs.models)
    usual = tuple(dict.fromkeys((*selection.readers()[: _MOST - 1], rater)))
    return tuple(controls.choices("Outlines of", names, "outlined", default=usual, most=_MOST))


def _scene_here(selection: Selection, case: str, raters: Sequence[str]) -> Scene | None:
    """Return the images and masks of the case, or None with a note if they are not on this machine."""
    models = _models_among(selection, raters)
    try:
        return _scene(selection.runs, case, models)
    except CtbenchError as error:
        layout.note(f"There are no pictures: {error}")
        return None


def _models_among(selection: Selection, raters: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in raters if name in selection.runs.models)


@reading.cached(2)
def _scene(runs: ComparableRuns, case: str, models: tuple[str, ...]) -> Scene:
    opened = {name: runs.open_run(name) for name in models}
    # The dataset is found by its name in a catalogue, and the case by its id in the dataset: never by a path.
    return read_scene(dataset_of(runs)[case], runs.manifest, opened)


def _pictures(
    selection: Selection,
    scene: Scene,
    rater: str,
    outlined: Sequence[str],
    reference: str,
    chosen: Choice,
) -> None:
    for name in outlined:
        if name not in scene.drawings:
            layout.note(f"{name}: {scene.lacking.get(name, 'it did not read this case')}", kind="warning")
    if not scene.has_image:
        layout.note("This dataset has masks only: there is no image below them.")
    kind, reference, structures = chosen.kind, _drawable(scene, reference), selection.structure.over
    asked = (selection.runs, scene.case, _models_among(selection, outlined), rater, reference, structures)
    wrong, first = _by_slice(*asked)
    z = _ask_slice(scene, first)
    plain = Layer("none", boxes=False)
    true, drawn = (Layer("structures", (whose,), reference, structures) for whose in (None, rater))
    layers = {
        "errors": {"image": plain, f"errors against {reference}": Layer("errors", (rater,), reference, structures)},
        "structures": {reference: true, rater: drawn},
        "outlines": {
            "image": plain,
            "outlines": Layer("outlines", (None, *outlined), reference, structures, palette=palette(selection.runs)),
        },
        "image": {"image": Layer("none", (rater,))},
    }[kind]
    for place, (words, layer) in zip(st.columns(len(layers)), layers.items(), strict=True):
        with place:
            picture = draw_slice(scene, z, layer, window=chosen.window)
            # A data URL: a file of a script run that was superseded is deleted before the browser requests it.
            st.image(png(picture), width="stretch", alt=f"slice {z + 1} of {scene.case}: {words}")
            layout.text(words, "muted")
    layout.legend(_legend(selection, scene, kind, outlined))
    annotated = scene.references[reference].annotated
    layout.text(_said(annotated, z), "muted")
    if layout.has_viewer() and controls.switch("3D viewer", "viewer", hint=_VIEWER_SAID):
        layout.viewer(*_volumes(*asked, chosen.window))
    if wrong is not None:
        said = f"Voxels in which {rater} differs from {reference}, by slice; n = 1 case."
        layout.chart(slice_chart(wrong, z), said)


@reading.cached(32)
def _by_slice(
    runs: ComparableRuns, case: str, models: tuple[str, ...], rater: str, reference: str, structures: tuple[str, ...]
) -> tuple[NDArray[np.int64] | None, int]:
    """Return the number of wrong voxels in each slice (None: no segmentation by this rater), and the first slice."""
    scene = _scene(runs, case, models)
    known = rater in scene.drawings
    wrong = errors_by_slice(scene, rater, reference, structures) if known else None
    return wrong, first_slice(scene, rater if known else None, reference, structures)


@reading.cached(4)
def _volumes(
    runs: ComparableRuns,
    case: str,
    models: tuple[str, ...],
    rater: str,
    reference: str,
    structures: tuple[str, ...],
    window: tuple[float, float] | None,
) -> tuple[bytes, bytes | None]:
    """Return the image and the rater's errors as NIfTI; None: the rater has no segmentation of this case."""
    scene = _scene(runs, case, models)
    known = rater in scene.drawings
    return nifti_image(scene, window), nifti_errors(scene, rater, reference, structures) if known else None


def _said(annotated: NDArray[np.bool_], z: int) -> str:
    here = "" if annotated[z] else "Nobody annotated this slice: nothing in it counts. "
    whole = "" if annotated.all() else f"{annotated.sum()} of {len(annotated)} slices are annotated. "
    return f"{here}{whole}Hatched: does not count, because no consensus was found or nobody looked."


def _drawable(scene: Scene, reference: str) -> str:
    """Return the reference, or the case's first one if too few readers read the case."""
    return reference if reference in scene.references else next(iter(scene.references))


def _ask_slice(scene: Scene, first: int) -> int:
    """Show the slice control; a new case starts at the slice with most errors."""
    count = scene.image.shape[0]
    before = st.session_state.get(_SEEN_CASE)
    st.session_state[_SEEN_CASE] = scene.case
    if count == 1:
        return 0
    if before not in {None, scene.case} and _SLICE in st.session_state:
        st.session_state[_SLICE] = first + 1
    return int(controls.number("Slice", _SLICE, low=1, high=count, default=first + 1, step=1)) - 1


def _legend(
    selection: Selection, scene: Scene, kind: Kind, outlined: Sequence[str]
) -> Mapping[str, tuple[int, int, int]]:
    if kind == "errors":
        return {words: ERROR_COLOURS[name] for name, words in explanations.ERROR_WORDS.items()}
    if kind == "structures":
        filled = structure_colours(scene.labels.names)
        return {name: filled[name] for name in selection.structure.over}
    if kind == "outlines":
        shades = outline_colours(outlined, palette(selection.runs))
        return {"reference": shades[None]} | {name: shades[name] for name in outlined}
    return {}


def _scores(selection: Selection, rater: str, case: str, reference: str) -> None:
    layout.text("Its scores", "subtitle")
    try:
        rows = _of_case(selection.runs, rater, case)
    except CtbenchError as error:
        layout.note(f"They are not on this machine: {error}")
        return
    layout.text(f"of {rater}, against {reference}", "muted")
    structures = (*selection.runs.labels, *selection.runs.groups)
    layout.table(case_scores(rows[rows["reference"] == reference], structures), f"case-{case}")


@reading.cached(16)
def _of_case(runs: ComparableRuns, rater: str, case: str) -> pd.DataFrame:
    run = runs.open_run(rater)
    own = run.scores["case"] == case
    if rater not in runs.models:
        own &= run.scores["rater"] == rater
    return run.scores[own]


def _all_cases(selection: Selection, order: pd.DataFrame) -> None:
    layout.text("All cases, worst first", "subtitle")
    layout.text("Choose a row to see its slices.", "muted")
    layout.table(order, f"cases-{selection.runs.dataset}", key=_TABLE)
