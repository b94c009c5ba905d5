"""Figures for notebooks."""

import subprocess
import sys

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.reference import Reference
from ctbench.report.drawings.colours import ERROR_COLOURS
from ctbench.report.notebook import boxes, show_case, show_reference
from ctbench.volume import Volume


def test_boxes_are_of_the_positives_on_the_common_reference(runs):
    """A box for each structure that the model claims, of the metric that is asked for."""
    run = next(one for one in runs if one.manifest.predictor is not None)
    drawn = boxes(run, "hd95", structures=["ventricles", "caudate"]).to_dict()
    names = {row["label"] for rows in drawn["datasets"].values() for row in rows if "label" in row}
    assert names == {"ventricles", "caudate"}
    assert drawn["layer"][0]["encoding"]["y"]["sort"] == ["ventricles", "caudate"]
    values = run.scores.query("metric == 'hd95' and reference == 'majority' and label == 'caudate'")["value"]
    (row,) = [
        row for rows in drawn["datasets"].values() for row in rows if row.get("label") == "caudate" and "q1" in row
    ]
    assert row["median"] == pytest.approx(values.median())


def test_what_was_not_scored_cannot_be_drawn(runs):
    """An unknown metric is refused with those that there are; so are structures without a score."""
    with pytest.raises(UsageError, match="masd was not scored; expected one of dice"):
        boxes(runs[0], "masd")
    with pytest.raises(UsageError, match="no case has a dice of thalamus"):
        boxes(runs[0], structures=["thalamus"])


@pytest.fixture
def model_run(runs):
    """The run of a model with predictions."""
    return next(
        one for one in runs if one.manifest.predictor is not None and list(one.folder.glob("predictions/*.nii.gz"))
    )


def test_a_case_is_shown_with_the_errors_of_the_model(model_run, dataset):
    """Image and errors side by side, with alternative texts and a legend of the errors' colours."""
    path = min(model_run.folder.glob("predictions/*.nii.gz"))
    case = dataset[path.name.removesuffix(".nii.gz")]
    shown = show_case(case, model_run)
    assert list(shown.pictures) == ["image", f"{model_run.manifest.rater} against majority"]
    assert list(shown.legend.values()) == list(ERROR_COLOURS.values())
    html = shown._repr_html_()
    assert html.count("<img src='data:image/png;base64,") == html.count(" alt='") == 2
    assert f"{case.id}, slice " in repr(shown)
    with pytest.raises(IndexError):
        show_case(case, model_run, z=999)


def test_a_case_without_a_prediction_says_why(model_run, dataset):
    """A model that failed has nothing to show."""
    path = min(model_run.folder.glob("predictions/*.nii.gz"))
    case = dataset[path.name.removesuffix(".nii.gz")]
    path.rename(path.with_suffix(".away"))
    try:
        with pytest.raises(UsageError, match=f"has no prediction of {case.id}"):
            show_case(case, model_run)
    finally:
        path.with_suffix(".away").rename(path)


def test_readers_are_shown_as_outlines(runs, dataset):
    """For a run of readers each reader has a colour, and the reference is white."""
    run = next(one for one in runs if one.manifest.predictor is None)
    shown = show_case(next(iter(dataset)), run)
    assert list(shown.pictures) == ["image", "outlines"]
    assert shown.legend["majority"] == (255, 255, 255)
    assert set(shown.legend) == {"majority", "reader1", "reader2", "reader3"}


def test_a_reference_is_shown_in_colours():
    """The slice with the most of the structures is taken; names and an image below are optional."""
    labels = np.zeros((3, 8, 8), np.uint8)
    labels[1, 2:6, 2:6] = 7
    reference = Reference.of(labels)
    shown = reference.show()
    assert "slice 2 of 3" in repr(shown)
    assert list(shown.legend) == ["code 7"]
    image = Volume(np.full((3, 8, 8), 40, np.int16), (5.0, 1.0, 1.0))
    named = show_reference(reference, image, z=0, labels=LabelSet({"blood": 7}))
    assert list(named.legend) == ["blood"]
    assert "slice 1 of 3" in named._repr_html_()


def test_nothing_is_imported_before_something_is_drawn():
    """Opening runs and cases needs neither altair nor the report."""
    imported = "import sys, ctbench.runs, ctbench.datasets, ctbench.reference"
    code = f"{imported}; print({{'altair', 'ctbench.report'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
