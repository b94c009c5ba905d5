import json
from dataclasses import replace

import numpy as np
import pytest

from ctbench.annotations.slicer import write_slicer
from ctbench.errors import ContractError, GeometryError, LabelError, MissingFileError, PluginNotFoundError, UsageError
from ctbench.labels import LabelSet
from ctbench.predictors import (
    Finding,
    FolderPredictions,
    Prediction,
    PredictorInfo,
    load_predictor,
    predict_into_folder,
    write_labels_file,
)
from ctbench.predictors.conformance import check_conformance
from ctbench.volume import Volume, write_volume


@pytest.fixture
def folder(tmp_path, image):
    """A folder with the prediction of one case."""
    labels = (image.array > 60).astype(np.uint8)
    write_volume(image.with_array(labels), tmp_path / "case-1.nii.gz")
    (tmp_path / "labels.json").write_text(json.dumps({"hemorrhage": 1}))
    return tmp_path


def test_a_folder_gives_the_label_map_that_lies_in_it(folder, image):
    """The prediction of a case is its file, and the name of the folder is the name of the predictor."""
    predictions = load_predictor(f"folder:{folder}")
    assert predictions.info.name == folder.name
    np.testing.assert_array_equal(predictions.prediction("case-1", image).labels, image.array > 60)


def test_a_card_may_say_more(folder):
    """`labels.json` can be a card with groups, version and training datasets."""
    card = {"labels": {"iph": 1, "ivh": 2}, "groups": {"hemorrhage": ["iph", "ivh"]}, "name": "theirs", "version": "3"}
    (folder / "labels.json").write_text(json.dumps(card | {"training_datasets": ["bhsd"]}))
    info = load_predictor(f"folder:{folder}").info
    assert (info.name, info.version, info.training_datasets) == ("theirs", "3", ("bhsd",))
    assert info.labels.groups["hemorrhage"] == ("iph", "ivh")


def test_score_and_findings_stand_beside_a_label_map(folder, image):
    """`CASE.json` gives the score and the boxes of a case."""
    finding = {"slice": 1, "box": [0, 0, 2, 3], "type": "hemorrhage", "confidence": 0.75}
    (folder / "case-1.json").write_text(json.dumps({"score": 0.5, "findings": [finding]}))
    prediction = load_predictor(f"folder:{folder}").prediction("case-1", image)
    assert prediction.score == 0.5
    assert prediction.findings[0].box == (0, 0, 2, 3)


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int64, np.uint64])
def test_label_maps_of_other_formats_and_types_are_predictions(folder, image, suffix, dtype):
    """What tools write is read: the voxels are the same, and a score may stand beside it."""
    (folder / "case-1.nii.gz").unlink()
    write_volume(image.with_array((image.array > 60).astype(dtype)), folder / f"case-1{suffix}")
    (folder / "case-1.json").write_text('{"score": 0.5}')
    prediction = load_predictor(f"folder:{folder}").prediction("case-1", image)
    np.testing.assert_array_equal(prediction.labels, image.array > 60)
    assert prediction.score == 0.5
    assert prediction.labels.dtype.kind in "iu"


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("case-1.mha", b"= LOCAL", b"= readers/a.raw", "has its voxels in another file"),
        ("case-1.mha", b"= LOCAL", b"= LIST", "does not hold its voxels raw or as gzip; save it as .nii.gz"),
        (
            "case-1.nrrd",
            b"encoding: gzip",
            b"data file: readers/a.raw\nencoding: raw",
            "has its voxels in another file",
        ),
        ("case-1.nrrd", b"encoding: gzip", b"encoding: bzip2", "does not hold its voxels raw or as gzip"),
    ],
)
def test_a_header_that_leads_to_other_files_is_no_prediction(folder, image, name, old, new, said):
    """It could lead to a reader's mask, and what is not counted could fill the memory."""
    (folder / "case-1.nii.gz").unlink()
    write_volume(image, folder / name)
    content = (folder / name).read_bytes()
    assert content.count(old) == 1
    (folder / name).write_bytes(content.replace(old, new))
    (folder / "readers").mkdir()
    (folder / "readers" / "a.raw").write_bytes(image.array.tobytes())
    with pytest.raises(ContractError, match=said):
        load_predictor(f"folder:{folder}").prediction("case-1", image)


def test_a_folder_whose_files_belong_to_no_case_is_refused_as_a_whole(folder):
    """A wrong naming scheme is said at once, not as one penalised case after another."""
    predictions = load_predictor(f"folder:{folder}")
    predictions.expect_some(["case-1", "case-2"])
    said = (
        r"none of a case: expected case-2, case-3\.nii\.gz, got case-1\.nii\.gz; name each file by the id of its case"
    )
    with pytest.raises(UsageError, match=said):
        predictions.expect_some(["case-2", "case-3"])
    (folder / "case-1.nii.gz").unlink()
    predictions.expect_some(["case-2"])


def test_links_in_a_folder_are_refused_before_the_run(folder, image):
    """They are never followed; a folder of links says so once."""
    (folder / "case-2.nii.gz").symlink_to(folder / "case-1.nii.gz")
    with pytest.raises(UsageError, match=r"case-2\.nii\.gz and 0 more predictions are links.*cp -rL"):
        load_predictor(f"folder:{folder}").expect_some(["case-1", "case-2"])
    with pytest.raises(ContractError, match="is a symbolic link"):
        load_predictor(f"folder:{folder}").prediction("case-2", image)


def test_a_case_without_file_is_missing(folder, image):
    """A missing prediction is named by its path."""
    with pytest.raises(MissingFileError, match=r"no prediction for case case-2: .*case-2.nii.gz is not there"):
        load_predictor(f"folder:{folder}").prediction("case-2", image)


def test_files_of_no_case_are_listed(folder):
    """Names that match nothing are told, so that a wrong naming scheme is seen."""
    assert load_predictor(f"folder:{folder}").unmatched(["case-2"]) == ("case-1.nii.gz",)


def test_a_label_map_on_another_grid_is_refused(folder, image):
    """A prediction must lie on the image's grid."""
    with pytest.raises(GeometryError, match="lies on another grid than the image of case-1"):
        load_predictor(f"folder:{folder}").prediction("case-1", Volume(image.array, (5.0, 0.5, 0.5)))


def test_unknown_codes_and_fractions_are_refused(folder, image):
    """Codes that labels.json does not name, and values that are no whole numbers, are no predictions."""
    write_volume(image.with_array(np.full(image.shape, 9, np.uint8)), folder / "case-1.nii.gz")
    predictions = load_predictor(f"folder:{folder}")
    with pytest.raises(LabelError, match="unknown label codes 9"):
        predictions.prediction("case-1", image)
    write_volume(image.with_array(np.full(image.shape, 0.5, np.float32)), folder / "case-1.nii.gz")
    with pytest.raises(LabelError, match="take the arg-max or a threshold"):
        predictions.prediction("case-1", image)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("[1, 2]", UsageError, "is not a label set"),
        ('{"hemorrhage": 0}', UsageError, "expected a positive integer"),
        ('{"labels": {"a": 1}, "lables": {}}', UsageError, "unknown keys .'lables'."),
    ],
)
def test_a_wrong_labels_json_is_explained(folder, content, error, message):
    """A list, a code 0 and an unknown key are each named."""
    (folder / "labels.json").write_text(content)
    with pytest.raises(error, match=message):
        load_predictor(f"folder:{folder}")


def test_a_folder_without_labels_json_or_no_folder_is_not_found(tmp_path):
    """Both say what is expected."""
    with pytest.raises(PluginNotFoundError, match=r"has no labels.json"):
        load_predictor(f"folder:{tmp_path}")
    with pytest.raises(PluginNotFoundError, match="no folder"):
        load_predictor(f"folder:{tmp_path / 'absent'}")


def test_a_wrong_findings_file_is_explained(folder, image):
    """What stands beside a label map must have the written form."""
    (folder / "case-1.json").write_text('{"findings": [{"slice": 1}]}')
    with pytest.raises(ContractError, match="is not a file of score and findings: expected"):
        load_predictor(f"folder:{folder}").prediction("case-1", image)


class Halves:
    """Calls the upper half of every axial slice iph."""

    def __init__(self, score=None, findings=()):
        self.score, self.findings = score, findings
        self.info = PredictorInfo(name="halves", version="2", labels=LabelSet({"iph": 1, "ivh": 4}), paper="doi")

    def predict(self, image):
        """Segment by position."""
        labels = np.zeros(image.shape, np.uint8)
        labels[:, : image.shape[1] // 2] = 1
        return Prediction(labels, score=self.score, findings=self.findings)


def test_probabilities_are_read_if_they_are_wanted(tmp_path, image):
    """`{case}_{label}.prob.nii.gz` is no prediction of a case of its own, and a link is not followed."""
    share = np.linspace(0, 1, image.array.size, dtype=np.float32).reshape(image.shape)
    write_volume(image.with_array((share > 0.5).astype(np.uint8)), tmp_path / "a.nii.gz")
    write_volume(image.with_array(share), tmp_path / "a_iph.prob.nii.gz")
    (tmp_path / "labels.json").write_text('{"iph": 1, "ivh": 2}')
    folder = FolderPredictions(tmp_path)
    assert [path.name for path in folder.files()] == ["a.nii.gz"]
    assert folder.unmatched(["a"]) == ()
    assert folder.prediction("a", image).probabilities is None
    read = folder.prediction("a", image, probabilities=True).probabilities
    assert list(read) == ["iph"]
    np.testing.assert_allclose(read["iph"], share, atol=1e-6)
    (tmp_path / "a_ivh.prob.nii.gz").symlink_to(tmp_path / "a_iph.prob.nii.gz")
    with pytest.raises(ContractError, match="symbolic link"):
        folder.prediction("a", image, probabilities=True)


def test_what_is_predicted_into_a_folder_is_read_from_it(tmp_path, image):
    """Label map, score, boxes and the predictor's info come back equal."""
    boxes = (Finding(0, (0.0, 1.0, 2.0, 3.0), "iph", 0.75), Finding(1, (0.0, 0.0, 1.0, 1.0), "ivh", 0.5))
    predictor = Halves(score=0.25, findings=boxes)
    said = predict_into_folder(predictor, "case-1", image, tmp_path)
    write_labels_file(predictor.info, tmp_path)
    predictions = load_predictor(f"folder:{tmp_path}")
    assert predictions.info == predictor.info
    read = predictions.prediction("case-1", image)
    np.testing.assert_array_equal(read.labels, predictor.predict(image).labels)
    assert read.score == said["score"] == 0.25
    assert read.findings == boxes
    voxels = image.shape[0] * (image.shape[1] // 2) * image.shape[2]
    assert said["iph_ml"] == pytest.approx(voxels * image.voxel_ml)
    assert said["ivh_ml"] == 0


def test_a_prediction_without_a_score_has_no_file_of_one(tmp_path, image):
    """Only the label map is written, and that of an earlier prediction is removed."""
    predict_into_folder(Halves(score=0.5), "case-1", image, tmp_path)
    assert (tmp_path / "case-1.json").is_file()
    assert predict_into_folder(Halves(), "case-1", image, tmp_path)["score"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["case-1.nii.gz"]


def test_probabilities_are_written_on_request_and_read_back(tmp_path, image):
    """As 8-bit codes beside the label map; the next prediction without them removes the files."""
    share = np.linspace(0, 1, image.array.size).reshape(image.shape)

    class Shares(Halves):
        def predict(self, image):
            return replace(super().predict(image), probabilities={"iph": share})

    predict_into_folder(Shares(), "case-1", image, tmp_path, probabilities=True)
    write_labels_file(Shares().info, tmp_path)
    read = FolderPredictions(tmp_path).prediction("case-1", image, probabilities=True).probabilities
    assert list(read) == ["iph"]
    np.testing.assert_allclose(read["iph"], share, atol=1 / 254)
    assert ((read["iph"] == 1) == (share == 1)).all()
    predict_into_folder(Shares(), "case-1", image, tmp_path)
    assert FolderPredictions(tmp_path).prediction("case-1", image, probabilities=True).probabilities is None


def test_probabilities_that_are_none_leave_no_files(tmp_path, image):
    """They are checked before anything is written."""

    class Percent(Halves):
        def predict(self, image):
            return replace(super().predict(image), probabilities={"iph": np.full(image.shape, 50.0)})

    with pytest.raises(ContractError, match="expected 0 to 1"):
        predict_into_folder(Percent(), "case-1", image, tmp_path, probabilities=True)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def segmented(tmp_path, image):
    """A folder with the prediction of one case as a file of 3D Slicer."""
    labels = (image.array > 60).astype(np.uint8) * 4
    write_slicer(image.with_array(labels), LabelSet({"Hemorrhage": 4}), tmp_path / "case-1.seg.nrrd")
    (tmp_path / "labels.json").write_text(json.dumps({"hemorrhage": 1}))
    return tmp_path


def test_named_segments_meet_the_names_of_labels_json(segmented, image):
    """Their numbers mean nothing; the score stands beside, under the name without both suffixes."""
    (segmented / "case-1.json").write_text(json.dumps({"score": 0.5}))
    predictions = load_predictor(f"folder:{segmented}")
    prediction = predictions.prediction("case-1", image)
    np.testing.assert_array_equal(prediction.labels, image.array > 60)
    assert prediction.score == 0.5
    assert predictions.unmatched(["case-2"]) == ("case-1.seg.nrrd",)
    assert predictions.unmatched(["case-1"]) == ()


def test_aliases_of_labels_json_name_the_segments(segmented, image):
    """As those of a dataset's YAML: another name for a label, null for what is left out, and all others."""
    drawn = (image.array > 60).astype(np.uint8)
    drawn[0] = 2
    write_slicer(image.with_array(drawn), LabelSet({"Clot": 1, "Bone": 2}), segmented / "case-1.seg.nrrd")
    for aliases in ({"clot": "hemorrhage", "Bone": None}, {"clot": "hemorrhage", "*": None}):
        (segmented / "labels.json").write_text(json.dumps({"labels": {"hemorrhage": 1}, "aliases": aliases}))
        predictions = load_predictor(f"folder:{segmented}")
        np.testing.assert_array_equal(predictions.prediction("case-1", image).labels, drawn == 1)
        assert [result.passed for result in check_conformance(predictions)] == [True]


@pytest.mark.parametrize("aliases", [["clot"], {"clot": "blood"}, {"clot": 1}, "clot"])
def test_aliases_name_labels_or_nothing(segmented, aliases):
    """An alias cannot invent a label."""
    (segmented / "labels.json").write_text(json.dumps({"labels": {"hemorrhage": 1}, "aliases": aliases}))
    with pytest.raises(UsageError, match=r"labels.json has the aliases .*; expected names in the files -> one of"):
        load_predictor(f"folder:{segmented}")


def test_two_predictions_of_a_case_are_refused(segmented, image):
    """Which of them counts, nobody can know."""
    write_volume(image.with_array(np.zeros(image.shape, np.uint8)), segmented / "case-1.nii.gz")
    with pytest.raises(UsageError, match="case case-1 has 2 predictions"):
        load_predictor(f"folder:{segmented}").prediction("case-1", image)


def test_segments_without_a_label_are_refused(segmented, image):
    """Both sides are listed."""
    (segmented / "labels.json").write_text(json.dumps({"iph": 1}))
    with pytest.raises(LabelError, match=r"has the segment 'Hemorrhage', .*the labels: iph"):
        load_predictor(f"folder:{segmented}").prediction("case-1", image)


def test_the_output_folder_of_nnunet_is_read_as_it_is(folder, image):
    """`dataset.json` names the labels, whatever else it says; a `labels.json` beside it comes first."""
    content = {"labels": {"background": 0, "iph": 1}, "numTraining": 8, "file_ending": ".nii.gz", "channel_names": {}}
    (folder / "dataset.json").write_text(json.dumps(content))
    assert load_predictor(f"folder:{folder}").info.labels.names == ("hemorrhage",)
    (folder / "labels.json").unlink()
    predictions = load_predictor(f"folder:{folder}")
    assert predictions.info.labels.codes == {"iph": 1}
    np.testing.assert_array_equal(predictions.prediction("case-1", image).labels, image.array > 60)


def test_structures_in_a_file_each_become_one_label_map(tmp_path, image):
    """Every file holds one structure, with any code; a link among them is refused as any link."""
    (tmp_path / "labels.json").write_text('{"iph": 4, "ivh": 7}')
    low, high = image.array < -60, image.array > 60
    write_volume(image.with_array(low.astype(np.uint8)), tmp_path / "a_iph.nii.gz")
    write_volume(image.with_array(high.astype(np.uint8) * 255), tmp_path / "a_ivh.nii.gz")
    predictions = load_predictor(f"folder:{tmp_path}")
    np.testing.assert_array_equal(predictions.prediction("a", image).labels, 4 * low + 7 * high)
    (tmp_path / "a_ivh.nii.gz").rename(tmp_path / "elsewhere.nii.gz")
    (tmp_path / "a_ivh.nii.gz").symlink_to(tmp_path / "elsewhere.nii.gz")
    with pytest.raises(UsageError, match=r"a_ivh\.nii\.gz and 0 more predictions are links"):
        predictions.expect_some(["a"])
    with pytest.raises(ContractError, match="symbolic link"):
        predictions.prediction("a", image)


def test_a_bundle_writes_each_case_into_a_folder(folder, image):
    """`CASE/CASE_trans.nii.gz` is the prediction of the case."""
    (folder / "case-1").mkdir()
    (folder / "case-1.nii.gz").rename(folder / "case-1" / "case-1_trans.nii.gz")
    predictions = load_predictor(f"folder:{folder}")
    np.testing.assert_array_equal(predictions.prediction("case-1", image).labels, image.array > 60)
