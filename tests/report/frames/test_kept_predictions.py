"""Runs of models that keep predictions on this machine."""

import shutil

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.kept_predictions import models_with_predictions


def test_a_model_is_there_as_long_as_its_run_keeps_predictions(bright, finished_run):
    """The run is named as on the page; without predictions there is none."""
    run = finished_run(bright)
    (results,) = gather([run])
    assert {name: one.folder for name, one in models_with_predictions(results)} == {results.models[0]: run.folder}
    shutil.rmtree(run.folder / "predictions")
    assert list(models_with_predictions(results)) == []
