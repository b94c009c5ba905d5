import json
from dataclasses import replace

import numpy as np
import pytest

from ctbench import predictors
from ctbench.predictors import load_predictor
from ctbench.volume import read_label_map, read_volume, write_volume

BOX = {"slice": 0, "box": [0.0, 1.0, 2.0, 3.0], "type": "iph", "confidence": 0.75}

pytestmark = pytest.mark.usefixtures("bright_plugin")


def test_predict_writes_label_maps_and_their_names(ctbench, blobs_folder, tmp_path):
    """One file an image on its grid, score and boxes beside it, and labels.json: the folder is a predictor again."""
    (tmp_path / "w").write_text("50")
    images = [str(blobs_folder / "images" / f"{case}.nii.gz") for case in "ab"]
    written = ("--weights", str(tmp_path / "w"), "--out", str(tmp_path / "p"), "--json")
    result = ctbench("predict", "bright", "--trust", *images, *written)
    assert result.exit_code == 0, result.err
    assert read_label_map(tmp_path / "p" / "a.nii.gz").array.sum() > 0
    assert json.loads((tmp_path / "p" / "labels.json").read_text())["labels"] == {"iph": 1, "ivh": 2}
    assert json.loads((tmp_path / "p" / "b.json").read_text()) == {"score": 0.5, "findings": [BOX]}


def test_probabilities_are_written_where_folders_are_read(ctbench, blobs, blobs_folder, tmp_path, monkeypatch):
    """The folder of `predict --keep-probabilities` has those of the predictor; without any, the command says so."""
    (tmp_path / "w").write_text("50")
    asked = ("predict", "bright", blobs_folder / "images" / "a.nii.gz", "--weights", tmp_path / "w", "--trust")
    written = ("--out", tmp_path / "p", "--keep-probabilities")
    opened = predictors.open_model
    with monkeypatch.context() as patched:
        patched.setattr(predictors, "open_model", lambda *asked: Unsure(opened(*asked)))
        assert ctbench(*asked, *written).exit_code == 0
    image = blobs["a"].image()
    read = load_predictor(f"folder:{tmp_path / 'p'}").prediction("a", image, probabilities=True)
    np.testing.assert_allclose(read.probabilities["ivh"], np.clip(image.array / 80, 0, 1), atol=1 / 254)
    result = ctbench(*asked, *written)
    assert "bright returned no probabilities" in result.err
    assert not (tmp_path / "p" / "a_ivh.prob.nii.gz").exists()


def test_two_images_of_one_name_are_refused(ctbench, blobs_folder, tmp_path):
    """One would overwrite the other."""
    image = blobs_folder / "images" / "a.nii.gz"
    write_volume(read_volume(image), tmp_path / "other" / "a.nii.gz")
    result = ctbench(
        "predict", "bright", "--trust", str(image), str(tmp_path / "other" / "a.nii.gz"), "--out", str(tmp_path / "p")
    )
    assert result.exit_code == 2
    assert "different names" in result.err


def test_predictions_are_written_as_dicom_seg_and_read_back(ctbench, blobs, tmp_path, write_ct):
    """A SEG on the series of each image; the folder is a predictor again, whose segments have names."""
    pytest.importorskip("highdicom", reason="the extra `annotations` is not installed")
    (tmp_path / "w").write_text("50")
    write_ct(blobs["a"].image(), tmp_path / "a")
    written = ("--weights", tmp_path / "w", "--out", tmp_path / "p", "--format", "dicom-seg")
    result = ctbench("predict", "bright", "--trust", tmp_path / "a", *written)
    assert result.exit_code == 0, result.err
    read = load_predictor(f"folder:{tmp_path / 'p'}").prediction("a", blobs["a"].image())
    np.testing.assert_array_equal(read.labels == 1, blobs["a"].image().array > 50)
    assert read.score == 0.5


def test_a_series_of_a_study_is_named_or_chosen_by_rules(ctbench, blobs, tmp_path, write_ct):
    """The soft-tissue one by its kernel, which is said; a name or the rules are needed where there are two."""
    (tmp_path / "w").write_text("50")
    image = blobs["a"].image()
    for kernel, darker in (("STANDARD", 0), ("BONE", 1000)):
        folder = tmp_path / "study" / kernel
        slices = write_ct(image.with_array((image.array - darker).astype(np.int16)), folder)
        for number, one in zip(range(len(slices), 0, -1), slices, strict=True):
            one.SeriesInstanceUID, one.SOPInstanceUID = (f"1.2.{darker}.{uid}" for uid in ("7", number))
            one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
            one.SeriesDescription, one.ConvolutionKernel = f"head {kernel}", kernel
            one.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
            one.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    call = ("predict", "bright", "--trust", tmp_path / "study", "--weights", tmp_path / "w", "--out", tmp_path / "p")
    assert "holds 2 DICOM series that can be a volume" in ctbench(*call).err
    by_rules = ctbench(*call, "--series", "soft-tissue")
    assert by_rules.exit_code == 0, by_rules.err
    assert (read_label_map(tmp_path / "p" / "study.nii.gz").array == 1).sum() == (image.array > 50).sum()
    named = ctbench(*call, "--series", "head bone")
    assert named.exit_code == 0, named.err
    assert not read_label_map(tmp_path / "p" / "study.nii.gz").array.any()


def test_a_demo_model_predicts_patients_only_if_told_so(ctbench, blobs_folder, tmp_path, monkeypatch):
    """Images of nobody's dataset may be patients: nothing is written without --allow-demo."""
    opened = predictors.open_model
    monkeypatch.setattr(predictors, "open_model", lambda *asked: _for_phantoms(opened(*asked)))
    (tmp_path / "w").write_text("50")
    asked = ("predict", "bright", "--trust", blobs_folder / "images" / "a.nii.gz", "--weights", tmp_path / "w")
    result = ctbench(*asked, "--out", tmp_path / "p")
    assert result.exit_code == 2
    assert "learnt on simulated heads alone" in result.err
    assert not (tmp_path / "p").exists()
    assert ctbench(*asked, "--out", tmp_path / "p", "--allow-demo").exit_code == 0


def _for_phantoms(predictor):
    predictor.info = replace(predictor.info, phantoms_only=True)
    return predictor


class Unsure:
    """A predictor, and a probability of ivh that grows with brightness."""

    def __init__(self, predictor):
        self.info, self.predictor = predictor.info, predictor

    def predict(self, image):
        """Segment as the predictor does."""
        share = np.clip(image.array / 80, 0, 1)
        return replace(self.predictor.predict(image), probabilities={"ivh": share})
