import numpy as np
import pytest

from ctbench.errors import DataError, UsageError
from ctbench.predictors import check_conformance
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume
from reference_models.cai_unet.predictor import CaiPredictor

# The heads are the same in many tests: what finds and registers brains is tested in tests/reference_models/scans.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")


@pytest.mark.parametrize("options", [{}, {"pixel_mm": 6.0, "window_hu": (0.0, 80.0)}])
def test_the_contract_is_kept(cai_weights, options):
    """As HU on the image's own pixels, as in the paper, and windowed on pixels of a fixed size."""
    predictor = CaiPredictor(cai_weights(**options), device="cpu")
    assert [result for result in check_conformance(predictor) if not result.passed] == []


def test_classes_become_the_codes_of_the_labels(cai_weights):
    """Class k is the k-th label, whatever its code is."""
    labels = CaiPredictor(cai_weights(), device="cpu").predict(tiny_head()).labels
    assert set(np.unique(labels)) <= {0, 10, 6, 5}
    assert len(np.unique(labels)) > 1


def test_the_batch_size_does_not_matter(cai_weights):
    """Slices do not know each other."""
    image = tiny_head()
    one, all_at_once = (CaiPredictor(cai_weights(), "cpu", size).predict(image).labels for size in (1, 8))
    assert (one != all_at_once).mean() < 1e-3


def test_the_precision_changes_the_card_and_little_else(cai_weights):
    """The card holds the precision in use, never auto, since it is part of the identity of predictions."""
    image = tiny_head((8, 24, 20))
    usual, exact, quick = (CaiPredictor(cai_weights(), "cpu", precision=one) for one in ("auto", "float32", "bfloat16"))
    assert usual.info == exact.info != quick.info
    assert [one.info.parameters["precision"] for one in (exact, quick)] == ["float32", "bfloat16"]
    assert (exact.predict(image).labels != quick.predict(image).labels).mean() < 0.1


def test_many_and_few_slices_are_taken(cai_weights):
    """Two slices, and four hundred."""
    predictor = CaiPredictor(cai_weights(), device="cpu")
    for depth in (2, 400):
        image = tiny_head((depth, 24, 20), (150 / depth, 9.0, 9.0))
        assert predictor.predict(image).labels.shape == image.shape


def test_grey_values_are_refused(cai_weights):
    """An 8-bit picture is no CT in HU."""
    with pytest.raises(DataError, match="expected Hounsfield units"):
        CaiPredictor(cai_weights(), "cpu").predict(Volume(np.full((2, 16, 16), 99, np.uint8), (5.0, 1.0, 1.0)))


def test_an_absent_gpu_is_refused(cai_weights):
    """Asked for and absent: an error, not a silent CPU."""
    with pytest.raises(UsageError, match="use --device cpu"):
        CaiPredictor(cai_weights(), device="cuda:63")


def test_weights_of_anothers_classes_are_refused(cai_weights):
    """A file whose configuration does not fit its tensors is told from one that does."""
    weights = cai_weights()
    weights.configuration["classes"] = 7
    with pytest.raises(UsageError, match="another configuration"):
        CaiPredictor(weights, "cpu")
