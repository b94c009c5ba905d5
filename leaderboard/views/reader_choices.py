"""Section of the page Readers: how many readers, rules of the consensus side by side, and tolerances from readers."""

from __future__ import annotations

from ctbench.agreement import (
    StudyChoices,
    how_many_readers,
    rank_table,
    rules_side_by_side,
    study_choices,
    tolerance_yaml,
)
from ctbench.errors import CtbenchError
from ctbench.report import explanations
from ctbench.report.drawings.reader_number_chart import reader_number_chart
from ctbench.report.frames.agreement import model_number_lines, reader_number_lines
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.kept_predictions import models_with_predictions
from ctbench.report.wording import counted
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection, dataset_of

__all__ = ["show_choices"]


def show_choices(selection: Selection) -> None:
    """Show other numbers of readers, rules and tolerances, after a click: every subset of the readers is fused."""
    runs = selection.runs
    layout.text("Number of readers, rules, tolerances", "title")
    count = len(runs.manifest.cases)
    if not controls.switch(
        f"Fuse every subset of the readers ({count} cases)", "subsets", hint="reads all masks: some seconds a case"
    ):
        return
    try:
        choices = _choices(runs)
    except CtbenchError as error:
        layout.note(f"The readers cannot be fused: {error}")
        return
    _numbers(choices, runs)
    _models(choices, runs)
    _rules(choices, runs)
    _tolerances(choices)


def _numbers(choices: StudyChoices, runs: ComparableRuns) -> None:
    numbers = how_many_readers(choices)
    layout.text("How many readers?", "subtitle")
    layout.chart(
        reader_number_chart(reader_number_lines(numbers), "Dice with all"),
        f"{explanations.SUBSETS_OF_READERS} {counted(numbers['n'])}.",
    )
    with layout.folded("As a table"):
        layout.figures_table(numbers, f"how-many-readers-{runs.dataset}")


def _models(choices: StudyChoices, runs: ComparableRuns) -> None:
    by_number = rank_table(choices.models, "subset")
    if by_number.empty:
        layout.text("No run here keeps predictions, so no model can be ranked by subsets of readers.", "muted")
        return
    layout.text("Models by number of readers", "subtitle")
    layout.chart(
        reader_number_chart(model_number_lines(by_number), "Dice of models"),
        f"{explanations.MODELS_ON_SUBSETS} {counted(by_number['n'])}.",
    )
    with layout.folded("Models by number of readers, as a table"):
        layout.figures_table(by_number.drop(columns="reference"), f"models-by-readers-{runs.dataset}")
    with layout.folded("Models by rule of the consensus"):
        by_rule = rank_table(choices.models, "rule")
        layout.figures_table(by_rule.rename(columns={"reference": "rule"}), f"models-by-rule-{runs.dataset}")


def _rules(choices: StudyChoices, runs: ComparableRuns) -> None:
    layout.text("Rules of the consensus side by side", "subtitle")
    layout.text(explanations.RULES_OF_CONSENSUS, "muted")
    layout.figures_table(rules_side_by_side(choices), f"consensus-rules-{runs.dataset}")


def _tolerances(choices: StudyChoices) -> None:
    pasted = tolerance_yaml(choices)
    if pasted:
        layout.text("Tolerances from readers", "subtitle")
        layout.text(explanations.TOLERANCES, "muted")
        layout.code(pasted)


@reading.cached(2)
def _choices(runs: ComparableRuns) -> StudyChoices:
    return study_choices(
        dataset_of(runs).select(runs.manifest.cases),
        consensus=runs.manifest.consensus,
        models=dict(models_with_predictions(runs)),
        jobs=1,
    )
