"""The page lesions."""

import shutil

import numpy as np
import pytest

from ctbench.boards import submit
from ctbench.datasets import load_dataset
from ctbench.labels import LabelSet
from ctbench.predictors import Finding, Prediction, PredictorInfo
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.lesion_froc import froc_tables
from ctbench.report.frames.lesion_summaries import compared_lesions
from ctbench.runs import run


def _tables(test, *columns):
    return [one.value for one in test.dataframe if set(columns) <= set(one.value.columns)]


def test_models_and_readers_with_their_wrong_lesions(app, toy_board):
    """Both models and three readers have figures, and the failed model's list begins with what it missed."""
    test = app(toy_board, "lesions", rater="blunt")
    (figures,) = _tables(test, "detected", "splits")
    assert set(figures["rater"]) == {"sharp", "blunt", "ann", "ben", "cem"}
    assert figures.set_index("rater")["lost"].to_dict()["blunt"] == 1
    (wrong,) = _tables(test, "outcome", "slice")
    assert set(wrong["rater"]) == {"blunt"}
    assert "missed" in set(wrong[wrong["case"] == "case2"]["outcome"])
    assert wrong["slice"].min() >= 1


def test_a_run_without_predictions(app, toy_runs, tmp_path):
    """A note, and no table."""
    folder = tmp_path / "board"
    for name in ("readers", "sharp"):
        shutil.copytree(toy_runs[name].folder, folder / name)
    shutil.rmtree(folder / "sharp" / "predictions")
    test = app(folder, "lesions")
    assert not test.dataframe
    assert any("keeps predictions" in one.value for one in test.info)


class Detector:
    """Segments what is bright, with a probability of .75, and boxes the middle of each slice and a corner."""

    info = PredictorInfo(
        name="detector", version="1", labels=LabelSet({"iph": 1, "ivh": 2}, {"hemorrhage": ("iph", "ivh")})
    )

    def predict(self, image):
        """Label maps, probabilities of any blood, and boxes of iph."""
        labels = np.select([image.array > 90, image.array > 50], [2, 1], 0).astype(np.uint8)
        boxes = [(2, (6.0, 5.0, 15.0, 13.0), 0.9), (0, (0.0, 0.0, 2.0, 2.0), 0.6)]
        findings = tuple(Finding(z, box, "iph", sure) for z, box, sure in boxes)
        return Prediction(labels, probabilities={"hemorrhage": np.where(labels > 0, 0.75, 0)}, findings=findings)


@pytest.fixture(scope="module")
def marked_runs(toy, toy_runs, tmp_path_factory):
    """Runs of the readers, and of a model that has probabilities and boxes."""
    folder = tmp_path_factory.mktemp("marked")
    chosen = {"metrics": ["dice", "volume_ml", "reference_volume_ml"], "jobs": 1, "cached": False}
    return toy_runs["readers"], run(load_dataset(toy), Detector(), folder / "run", keep_probabilities=True, **chosen)


def test_marks_with_confidences_have_a_curve(app, toy, marked_runs, tmp_path):
    """FROC and average precision of pieces and boxes: the rows of the report, and a chart whose caption names both."""
    for one in marked_runs:
        submit(one, tmp_path / "board")
    test = app(tmp_path / "board", "lesions", label="hemorrhage")
    (results,) = gather(marked_runs)
    expected = froc_tables(compared_lesions(results, load_dataset(toy), structures=["hemorrhage"]))
    (rates,) = _tables(test, "false_per_case", "protocol")
    assert rates["sensitivity"].tolist() == expected.at_rates["sensitivity"].tolist()
    assert set(rates["protocol"]) == {"any", "box-centre"}
    boxes = rates[rates["protocol"] == "box-centre"]
    assert boxes["sensitivity"].tolist() == pytest.approx([5 / 9] * 8)
    (precisions,) = _tables(test, "average_precision")
    assert precisions["average_precision"].tolist() == expected.precisions["average_precision"].tolist()
    assert set(precisions["protocol"]) == {"any", "picai", "box-centre"}
    said = [one.proto.body for one in test.html]
    assert any(
        "sensitivity over false marks per case, protocol any and box-centre; n = 9 lesions" in one for one in said
    )


def test_without_confidences_there_is_no_curve(app, toy_board):
    """Models that keep no probabilities and draw no boxes."""
    assert not _tables(app(toy_board, "lesions"), "false_per_case", "protocol")
