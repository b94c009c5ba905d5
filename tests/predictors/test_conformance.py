import json

import numpy as np
import pytest

from ctbench.annotations import MadeBy
from ctbench.annotations.dicom_seg_writing import write_seg
from ctbench.annotations.slicer import write_slicer
from ctbench.errors import DataError
from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, check_conformance, load_predictor
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume, write_volume


def failed(predictor):
    """Name the checks that a predictor does not pass."""
    return {result.check for result in check_conformance(predictor) if not result.passed}


def blank(image):
    """An empty prediction."""
    return Prediction(np.zeros(image.shape, np.uint8))


def moody(image):
    """Answers at random."""
    return Prediction(np.random.default_rng().integers(0, 2, image.shape))


def meddling(image):
    """Changes the image."""
    image.array.flags.writeable = True
    image.array[0] = 0
    return blank(image)


def snobbish(image):
    """Wants a head."""
    if image.array.max() < 0:
        msg = "no brain in the field"
        raise DataError(msg)
    return blank(image)


def only_even(image):
    """Wants even sizes."""
    assert image.shape[1] % 2 == 0
    return blank(image)


@pytest.mark.parametrize(
    ("answer", "check"),
    [
        (moody, "returns the same prediction twice"),
        (meddling, "leaves the image as it is"),
        (snobbish, "takes an empty scan"),
        (only_even, "takes anisotropic voxels and odd sizes"),
    ],
)
def test_each_question_catches_its_sinner(broken, answer, check):
    """A predictor that breaks one rule fails the check of that rule, and no other."""
    assert failed(broken(answer)) == {check}


def test_a_predictor_that_writes_files_is_caught(broken, tmp_path):
    """Files that are there after predicting are named; what was temporary is the predictor's own business."""

    def write(image):
        (tmp_path / "leak.txt").write_text("leak")
        return blank(image)

    assert failed(broken(write)) == {"leaves no files behind"}


def test_a_folder_of_predictions_is_read_file_by_file(tmp_path):
    """Each label map is a check, and a folder without any fails."""
    (tmp_path / "labels.json").write_text(json.dumps({"hemorrhage": 1}))
    assert failed(load_predictor(f"folder:{tmp_path}")) == {"predictions"}
    head = tiny_head()
    write_volume(head.with_array((head.array > 60).astype(np.uint8)), tmp_path / "good.nii.gz")
    write_volume(head.with_array(np.full(head.shape, 5, np.uint8)), tmp_path / "bad.nii.gz")
    write_slicer(head.with_array((head.array > 60).astype(np.uint8)), LabelSet({"clot": 1}), tmp_path / "c.seg.nrrd")
    assert failed(load_predictor(f"folder:{tmp_path}")) == {"bad.nii.gz", "c.seg.nrrd"}


def test_names_in_a_dicom_seg_are_checked_without_its_image(tmp_path, write_ct):
    """Its voxels lie on the slices of an image, which the conformance test does not have."""
    pytest.importorskip("highdicom", reason="the extra `annotations` is not installed")
    image = Volume(np.zeros((3, 4, 5), np.int16), (5.0, 1.0, 1.0))
    write_ct(image, tmp_path / "ct")
    (tmp_path / "p").mkdir()
    (tmp_path / "p/labels.json").write_text(json.dumps({"hemorrhage": 1}))
    for case, label in (("a", "hemorrhage"), ("b", "clot")):
        made_by = MadeBy("x", "1", automatic=True)
        drawn = image.with_array(np.ones(image.shape, np.uint8))
        write_seg(drawn, LabelSet({label: 1}), tmp_path / f"p/{case}.dcm", source=tmp_path / "ct", made_by=made_by)
    assert failed(load_predictor(f"folder:{tmp_path / 'p'}")) == {"b.dcm"}
