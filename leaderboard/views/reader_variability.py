"""Section of the page Readers: sessions against readers, components of variance, borders, and aided against unaided."""

from __future__ import annotations

from ctbench.agreement import (
    ReadingStudy,
    aided_effect,
    components,
    intra_and_inter,
    reader_borders,
    study_readings,
    volume_limits,
)
from ctbench.errors import CtbenchError
from ctbench.report import explanations
from ctbench.report.drawings.agreement_charts import estimate_chart
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.wording import counted
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection, dataset_of

__all__ = ["show_variability"]


def show_variability(selection: Selection) -> ReadingStudy | None:
    """Show what readings tell of the readers, after a click: all masks are read; return it if it is shown."""
    runs = selection.runs
    layout.text("Sessions, conditions and borders", "title")
    count = len(runs.manifest.cases)
    if not controls.switch(f"Compare all readings ({count} cases)", "readings", hint="reads all masks"):
        return None
    try:
        study = _study(runs)
    except CtbenchError as error:
        layout.note(f"The readings cannot be compared: {error}")
        return None
    layout.text("The same reader twice, and different readers", "subtitle")
    layout.text(explanations.READING_PAIRS, "muted")
    layout.figures_table(intra_and_inter(study), f"intra-inter-{runs.dataset}")
    layout.text("Components of variance", "subtitle")
    layout.text(explanations.READING_COMPONENTS, "muted")
    layout.figures_table(components(study), f"components-{runs.dataset}")
    with layout.folded("Limits of agreement of each pair of readers"):
        layout.text(explanations.VOLUME_LIMITS, "muted")
        layout.figures_table(volume_limits(study), f"volume-limits-{runs.dataset}")
    _borders(study, runs)
    _conditions(study, runs)
    return study


def _borders(study: ReadingStudy, runs: ComparableRuns) -> None:
    layout.text("Border of each reader", "subtitle")
    layout.text(explanations.READER_BORDERS, "muted")
    frame = reader_borders(study)
    labels = list(dict.fromkeys(frame["label"]))
    if not labels:
        layout.text("No two readers drew a border in the same case.", "muted")
        return
    label = controls.choice("Structure", labels, "border_of") if len(labels) > 1 else labels[0]
    own = frame[frame["label"] == label]
    conditions = ", " + own["condition"] if len(study.conditions) > 1 else ""
    named = own["reader"] + conditions
    layout.chart(
        estimate_chart(own.assign(label=named, value=own["bias_mm"]), f"bias of the border of {label}, mm"),
        f"Dots are means over cases, lines their 95 % intervals, {counted(own['n'])}.",
    )
    with layout.folded("As a table"):
        layout.figures_table(frame, f"borders-{runs.dataset}")


def _conditions(study: ReadingStudy, runs: ComparableRuns) -> None:
    effect = aided_effect(study)
    if effect.empty:
        return
    layout.text(f"Other conditions against {study.voting}", "subtitle")
    layout.text(explanations.conditions_compared(study.voting), "muted")
    layout.figures_table(effect, f"aided-{runs.dataset}")


@reading.cached(2)
def _study(runs: ComparableRuns) -> ReadingStudy:
    return study_readings(dataset_of(runs).select(runs.manifest.cases), consensus=runs.manifest.consensus, jobs=1)
