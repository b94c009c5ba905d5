import numpy as np
import pytest

from ctbench.labels import LabelSet
from ctbench.volume import Volume
from reference_models.hemorrhage import LABEL, THRESHOLD, hemorrhage_codes, hemorrhage_of


@pytest.fixture
def image():
    """A blank image whose voxels have 0.1 mL."""
    return Volume(np.zeros((2, 5, 10), np.int16), (4.0, 5.0, 5.0))


def test_what_is_more_probable_than_not_is_hemorrhage(image):
    """A probability of exactly one half is not; what is above has the code that was asked for."""
    probability = np.full(image.shape, THRESHOLD, np.float32)
    probability[0, 0, :3] = 0.51
    found = hemorrhage_of(probability, image, 7)
    assert np.flatnonzero(found.labels).tolist() == [0, 1, 2]
    assert set(np.unique(found.labels)) == {0, 7}
    assert found.probabilities[LABEL] is probability


@pytest.mark.parametrize(("voxels", "score"), [(0, 0.0), (10, 0.5), (30, 0.75), (90, 0.9)])
def test_the_score_rises_with_the_volume(image, voxels, score):
    """V / (V + 1 mL): nought without blood, one half at 1 mL, and never 1."""
    probability = np.zeros(image.shape, np.float32)
    probability.ravel()[:voxels] = 1.0
    assert hemorrhage_of(probability, image, 1).score == pytest.approx(score)


@pytest.mark.parametrize(
    ("labels", "codes"),
    [
        (LabelSet({"hemorrhage": 3, "ventricles": 1}), (3,)),
        (LabelSet({"iph": 1, "sah": 4, "ventricles": 9}, {"hemorrhage": ("iph", "sah")}), (1, 4)),
        (LabelSet({"iph": 1, "sah": 4}), (1, 4)),
    ],
)
def test_the_codes_that_are_learnt(labels, codes):
    """Those of the label or the group of that name; without one, all codes."""
    assert hemorrhage_codes(labels) == codes
