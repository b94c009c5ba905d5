import numpy as np
import pytest

from ctbench.errors import DataError, MissingFileError
from ctbench.labels import LabelSet
from ctbench.predictors import check_conformance
from ctbench.predictors.conformance import tiny_head
from ctbench.reference import Reference
from ctbench.volume import Volume
from reference_models.baselines.atlas import AtlasPredictor, AtlasWeights, fit_atlas

# The heads are the same in many tests: what finds and registers brains is tested in tests/reference_models/scans.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")

LABELS = LabelSet({"ventricles": 10, "parenchyma": 3})


def truth_of(image):
    """Ventricles and parenchyma of the tiny head by their HU."""
    hu = image.array
    inside = np.zeros(hu.shape, bool)
    inside[1:-1, 8:-8, 8:-8] = True
    labels = np.where(inside & (hu > 18) & (hu < 60), 3, 0)
    return np.where(inside & (hu > -10) & (hu <= 18), 10, labels)


@pytest.fixture(scope="module")
def image():
    """A head of 16 slices."""
    return tiny_head((16, 96, 80), (9.0, 2.2, 2.2))


@pytest.fixture(scope="module")
def weights(image):
    """Fitted on that head alone."""
    return fit_atlas([(image, Reference.of(truth_of(image)))], LABELS, "one-head")


def dice(a, b):
    """Overlap of two masks."""
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_it_fits_what_it_was_shown(image, weights):
    """On its own training head it finds both structures, in the label set's codes."""
    labels = AtlasPredictor(weights).predict(image).labels
    truth = truth_of(image)
    assert set(np.unique(labels)) == {0, 3, 10}
    assert dice(labels == 3, truth == 3) > 0.8
    assert dice(labels == 10, truth == 10) > 0.6


def test_another_grid_of_the_same_head_is_segmented_alike(weights):
    """The frame is the head's own: voxel size and offset do not matter."""
    finer = tiny_head((24, 128, 110), (6.0, 1.65, 1.6))
    assert dice(AtlasPredictor(weights).predict(finer).labels == 3, truth_of(finer) == 3) > 0.75


def test_a_flipped_axis_is_flipped_back(image):
    """An image stored right to left gets the mirrored label map, by its direction and not by its looks."""
    sides = np.where(truth_of(image) > 0, 3, 0)
    sides[:, :, 40:][sides[:, :, 40:] > 0] = 10
    predictor = AtlasPredictor(fit_atlas([(image, Reference.of(sides))], LABELS, "two-halves"))
    direction = np.diag([1.0, 1.0, -1.0])
    flipped = Volume(np.ascontiguousarray(image.array[:, :, ::-1]), image.spacing_mm, image.origin_mm, direction)
    found = predictor.predict(image).labels
    assert (found[:, :, :36] != 10).all()
    assert (found[:, :, 44:] != 3).all()
    assert (predictor.predict(flipped).labels[:, :, ::-1] != found).mean() < 0.01


def test_excluded_voxels_teach_nothing(image):
    """A label that stands only in excluded voxels is never learnt."""
    labels = truth_of(image)
    wrong = labels == 10
    reference = Reference(np.where(wrong, 0, labels), wrong, np.ones(len(labels), bool), "majority", ())
    learnt = fit_atlas([(image, reference)], LABELS, "one-head")
    assert 10 not in AtlasPredictor(learnt).predict(image).labels


def test_weights_are_read_back_as_they_were_written(weights, image, tmp_path):
    """Safetensors keep arrays, names and the training dataset; the card has the file's digest."""
    weights.save(tmp_path / "atlas.safetensors")
    loaded = AtlasWeights.load(tmp_path / "atlas.safetensors")
    np.testing.assert_array_equal(loaded.prior, weights.prior)
    predictor = AtlasPredictor(loaded)
    assert predictor.info.training_datasets == ("one-head",)
    assert len(predictor.info.weights_digest) == 64
    np.testing.assert_array_equal(predictor.predict(image).labels, AtlasPredictor(weights).predict(image).labels)


def test_absent_or_foreign_weights_are_refused(tmp_path):
    """Both say what the file should be."""
    with pytest.raises(MissingFileError, match="no weights at"):
        AtlasWeights.load(tmp_path / "absent.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(DataError, match="does not hold the weights of an atlas"):
        AtlasWeights.load(tmp_path / "text.safetensors")


def test_nothing_to_fit_is_an_error():
    """A scan of air teaches nothing."""
    air = Volume(np.full((4, 16, 16), -1000, np.int16), (5.0, 1.0, 1.0))
    with pytest.raises(DataError, match="nothing to fit"):
        fit_atlas([(air, Reference.of(np.zeros(air.shape, int)))], LABELS, "air")


def test_the_contract_is_kept(weights):
    """It goes through the same conformance test as anybody's predictor."""
    assert [result for result in check_conformance(AtlasPredictor(weights)) if not result.passed] == []
