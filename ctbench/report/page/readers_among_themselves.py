"""The part of the report about readers among themselves: a reader study of the cases of some runs, folded."""

from __future__ import annotations

from ctbench.agreement import study_choices, study_readers, study_readings
from ctbench.datasets import Dataset
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.kept_predictions import models_with_predictions
from ctbench.report.frames.study_work import IN_A_REPORT, study_work
from ctbench.report.page.markup import Html, details, join, paragraph
from ctbench.report.page.reader_study import study_sections
from ctbench.report.page.repeats import opening

__all__ = ["can_compare_readers", "readers_among_themselves"]


def can_compare_readers(results: ComparableRuns, dataset: Dataset) -> bool:
    """Return whether readers were scored, and two of them read one of the cases."""
    return len(results.readers) > 1 and any(len(case.readers) > 1 for case in dataset.select(results.cases))


def readers_among_themselves(results: ComparableRuns, dataset: Dataset) -> Html:
    """Return what ``ctbench readers --choices`` shows of the cases of some runs, below the result in numbers.

    Where there are more masks than a report compares, it is the result in numbers alone, or nothing but the command.

    Args:
        results: Runs for which ``can_compare_readers`` is true.
        dataset: Their dataset, with the readers' masks.
    """
    cases, consensus = dataset.select(results.cases), results.manifest.consensus
    if study_work(cases) > IN_A_REPORT:
        return _too_many(cases, consensus)
    study = study_readers(cases, consensus=consensus, jobs=1)
    readings = study_readings(cases, consensus=consensus, jobs=1)
    choices = study_choices(cases, consensus=consensus, models=dict(models_with_predictions(results)), jobs=1)
    sections = study_sections(study, readings, choices, name=f"{results.stem}-")
    return join((opening(study, readings), *(details(one.title, one.body) for one in sections)))


def _too_many(cases: Dataset, consensus: str) -> Html:
    """Return the result in numbers, if that is quick, and how to get the rest."""
    rest = paragraph(
        f"The masks of {len(cases.cases)} cases are too many to be compared in full while this page is made. "
        f"ctbench readers {cases.name} --choices writes a page of them; for a dataset of your own, with its YAML file "
        "in place of the name."
    )
    if study_work(cases, briefly=True) > IN_A_REPORT:
        return rest
    return join((opening(study_readers(cases, consensus=consensus, jobs=1, briefly=True), None), rest))
