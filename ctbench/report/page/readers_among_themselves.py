"""The part of the report about readers among themselves: a reader study of the cases of some runs, folded."""

from __future__ import annotations

from ctbench.agreement import study_choices, study_readers, study_readings
from ctbench.datasets import Dataset
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.kept_predictions import models_with_predictions
from ctbench.report.page.markup import Html, details, join
from ctbench.report.page.reader_study import study_sections
from ctbench.report.page.repeats import opening

__all__ = ["can_compare_readers", "readers_among_themselves"]


def can_compare_readers(results: ComparableRuns, dataset: Dataset) -> bool:
    """Return whether readers were scored, and two of them read one of the cases."""
    return len(results.readers) > 1 and any(len(case.readers) > 1 for case in dataset.select(results.cases))


def readers_among_themselves(results: ComparableRuns, dataset: Dataset) -> Html:
    """Return what ``ctbench readers --choices`` shows of the cases of some runs, below the result in numbers.

    Args:
        results: Runs for which ``can_compare_readers`` is true.
        dataset: Their dataset, with the readers' masks.
    """
    cases, consensus = dataset.select(results.cases), results.manifest.consensus
    study = study_readers(cases, consensus=consensus, jobs=1)
    readings = study_readings(cases, consensus=consensus, jobs=1)
    choices = study_choices(cases, consensus=consensus, models=models_with_predictions(results), jobs=1)
    sections = study_sections(study, readings, choices, name=f"{results.stem}-")
    return join((opening(study, readings), *(details(one.title, one.body) for one in sections)))
