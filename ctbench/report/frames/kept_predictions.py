"""Runs of models that keep predictions on this machine."""

from __future__ import annotations

from collections.abc import Iterator

from ctbench.errors import StoreError
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.runs import Run
from ctbench.runs.folder import RunFolder

__all__ = ["models_with_predictions"]


def models_with_predictions(results: ComparableRuns) -> Iterator[tuple[str, Run]]:
    """Yield the name of each model whose run is here and keeps some prediction, and the run."""
    for model in results.models:
        try:
            run = results.open_run(model)
        except StoreError:
            continue  # the board keeps no files of this run here
        if any(RunFolder(run.folder).prediction(case).is_file() for case in results.cases):
            yield model, run
