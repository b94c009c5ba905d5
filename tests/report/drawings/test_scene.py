"""All that can be seen of one case."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ctbench.consensus import fuse
from ctbench.errors import StoreError
from ctbench.predictors import Finding
from ctbench.report.drawings.scene import read_scene
from ctbench.runs.folder import RunFolder
from ctbench.volume import Volume, write_volume

CASE = "case11"


def _read(case, runs):
    models = {run.manifest.rater: run for run in runs if run.manifest.rater_kind == "model"}
    return read_scene(case, runs[0].manifest, models)


@pytest.fixture
def scene(dataset, runs):
    """The case in which one of the models failed."""
    return _read(dataset[CASE], runs)


def test_a_scene_has_all_that_was_drawn(scene, dataset, runs):
    """Readers and models come as they are in the files, and the references as the consensus makes them."""
    assert list(scene.drawings) == ["reader1", "reader2", "reader3", "unet"]
    assert next(iter(scene.references)) == "majority"
    assert scene.without["reader2"] == "majority-without-reader2"
    maps = {reader: dataset[CASE].reader(reader).array for reader in dataset.readers}
    np.testing.assert_array_equal(scene.references["majority"].labels, fuse(maps).labels)
    np.testing.assert_array_equal(scene.drawings["unet"].labels, runs[1].prediction(CASE).array)
    np.testing.assert_array_equal(scene.image.array, dataset[CASE].image().array)


def test_a_model_without_a_prediction_is_lacking(scene):
    """The failed model is named with a reason, and breaks nothing."""
    assert list(scene.lacking) == ["atlas"]
    assert "no prediction" in scene.lacking["atlas"]


def test_a_prediction_on_another_grid_is_lacking(dataset, small_runs):
    """A prediction of other data than those on this computer is not drawn over them."""
    runs = small_runs(raters=("reader1", "reader2", "reader3", "unet"))
    model = next(run for run in runs if run.manifest.rater == "unet")
    write_volume(Volume(np.zeros((2, 3, 4), np.uint8), (1, 1, 1)), RunFolder(model.folder).prediction("case01"))
    scene = _read(dataset["case01"], runs)
    assert "another grid" in scene.lacking["unet"]
    assert "unet" not in scene.drawings


def test_masks_without_an_image_make_a_scene(dataset, runs):
    """A dataset of masks only has a black image and says so."""
    scene = _read(replace(dataset[CASE], image_path=None), runs)
    assert not scene.has_image
    assert not scene.image.array.any()


def test_structures_are_numbered_by_their_place(scene, label_codes):
    """What was drawn is numbered in the order asked for; a group is one structure."""
    codes = scene.drawings["unet"].labels
    drawn = scene.drawn("unet", ["ventricles_all", "caudate"])
    assert (drawn[codes == label_codes["ventricles"]] == 1).all()
    assert (drawn[codes == label_codes["septum_pellucidum"]] == 1).all()
    assert (drawn[codes == label_codes["caudate"]] == 2).all()
    assert not drawn[codes == label_codes["cerebellum"]].any()


def test_mistakes_of_a_slice_are_those_of_the_whole(scene):
    """Comparing one slice is comparing all and taking that one."""
    asked = ("unet", "majority", ("caudate", "ventricles"))
    np.testing.assert_array_equal(scene.mistakes(*asked, 3).wrong, scene.mistakes(*asked).wrong[3])


def test_the_reference_against_itself_has_no_mistakes(scene):
    """A rater that drew the reference is right in every voxel that counts."""
    perfect = replace(scene.drawings["unet"], labels=scene.references["majority"].labels)
    found = replace(scene, drawings={"unet": perfect}).mistakes("unet", "majority", tuple(scene.labels))
    assert not found.wrong.any()
    assert found.true_positive.any()


def test_findings_are_read_with_the_prediction(dataset, small_runs):
    """Boxes that stand beside a prediction come with it; a file that is none is said, not skipped."""
    runs = small_runs()
    model = next(run for run in runs if run.manifest.rater == "unet")
    write_volume(dataset["case01"].reader("reader1"), RunFolder(model.folder).prediction("case01"))
    path = RunFolder(model.folder).findings("case01")
    found = {"slice": 3, "box": [1, 2, 5, 8], "type": "caudate", "confidence": 0.75}
    path.write_text(json.dumps({"score": 0.5, "findings": [found]}), encoding="utf-8")
    scene = _read(dataset["case01"], runs)
    assert scene.drawings["unet"].findings == (Finding(3, (1.0, 2.0, 5.0, 8.0), "caudate", 0.75),)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match="score and findings of case case01"):
        model.findings("case01")
    assert "score and findings" in _read(dataset["case01"], runs).lacking["unet"]
