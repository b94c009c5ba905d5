import logging

import numpy as np
import pytest

from ctbench.predictors import check_conformance, check_prediction, load_predictor
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import read_volume

# The real heads are also in tests/reference_models/scans/test_brain.py, which tests what finds their brains.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")


def test_the_baseline_keeps_the_contract():
    """It goes through the same conformance test as anybody's predictor."""
    assert [result for result in check_conformance(load_predictor("threshold")) if not result.passed] == []


def test_it_finds_a_bleed_and_nothing_without_one():
    """Blood of 68 HU in a brain of 33 HU is found, with a score above that of the head without it."""
    predictor = load_predictor("threshold", {"margin_mm": 0.0, "smoothing_mm": 0.5, "smallest_ml": 0.0})
    image = tiny_head((16, 96, 80), (9.0, 2.2, 2.2))
    blood = predictor.predict(image)
    cured = predictor.predict(image.with_array(np.where((image.array > 50) & (image.array < 90), 33, image.array)))
    assert blood.labels.sum() > 0
    assert blood.score > cured.score


@pytest.mark.parametrize("name", ["head_ct/cranium.nii.gz", "head_ct_ge_tilt_dicom"])
def test_it_runs_on_real_heads(real_data, name):
    """A skull of 108 slices and a tilted series of 28 come back as label maps on their grids."""
    image = read_volume(real_data / name)
    predictor = load_predictor("threshold")
    prediction = check_prediction(predictor.predict(image), image, predictor.info)
    assert prediction.labels.shape == image.shape
    # Neither scan shows a hemorrhage: what a threshold finds is calcification and muscle, not half the brain.
    assert prediction.labels.sum() * image.voxel_ml < 100


def test_a_tilted_series_is_made_regular_and_the_log_says_so(real_data, caplog):
    """28 slices, 4 then 7 mm apart and tilted by 18.5 degrees, become 56 equal ones."""
    with caplog.at_level(logging.INFO, logger="ctbench.volume"):
        image = read_volume(real_data / "head_ct_ge_tilt_dicom")
    assert image.shape == (56, 611, 512)
    np.testing.assert_allclose(image.spacing_mm, (2.62, 0.488, 0.488), atol=0.005)
    assert "tilt" in caplog.text
    assert "(56, 611, 512)" in caplog.text
