"""Skull stripping, bias field and intensity of T1-weighted MRI."""

import numpy as np
import pytest

from ctbench.errors import DataError
from ctbench.volume import Volume
from reference_models.scans.t1 import LARGEST_BRAIN_ML, WHITE_MATTER, check_stripped, normalised

SPACING = (4.0, 4.0, 4.0)


@pytest.fixture
def brain():
    """A ball of fluid, gray and white matter (30, 80, 120), 0 outside, with a little noise."""
    z, y, x = np.ogrid[-16:17, -16:17, -16:17]
    radius = np.sqrt(z**2 + y**2 + x**2)
    tissue = np.select([radius < 5, radius < 11, radius < 15], [30.0, 120.0, 80.0], 0.0)
    noise = np.random.default_rng(0).normal(0, 1, tissue.shape)
    return Volume(np.where(tissue > 0, tissue + noise, 0).astype(np.float32), SPACING)


def test_the_brain_is_what_is_not_0(brain):
    """A stripped brain is its own mask."""
    np.testing.assert_array_equal(check_stripped(brain), brain.array != 0)


def test_a_whole_head_is_refused():
    """More than a brain's volume, or no 0 at all: the message says how much there is and what to do."""
    head = np.zeros((60, 60, 60), np.int16)
    head[5:55, 5:55, 5:55] = 100
    with pytest.raises(DataError, match=r"8000 mL of voxels that are not 0, 58% of the image; .*SynthStrip"):
        check_stripped(Volume(head, SPACING))
    small = Volume(np.full((10, 10, 10), 3, np.int16), SPACING)
    assert small.array.size * 64 / 1000 < LARGEST_BRAIN_ML
    with pytest.raises(DataError, match="100% of the image"):
        check_stripped(small)


def test_white_matter_becomes_110(brain):
    """White matter has a median of 110 whatever the scale, gray matter is in proportion, and 0 stays outside."""
    mask = brain.array != 0
    found = normalised(brain.with_array(brain.array * 7), mask)
    white, gray = (abs(brain.array - level) < 5 for level in (120, 80))
    assert np.median(found[white]) == pytest.approx(WHITE_MATTER, rel=0.01)
    assert np.median(found[gray]) == pytest.approx(WHITE_MATTER * 80 / 120, rel=0.03)
    assert not found[~mask].any()


def test_a_bias_field_is_removed(brain):
    """A field that rises by a factor of 1.6 from end to end leaves white matter a third as uneven, or less."""
    mask, white = brain.array != 0, abs(brain.array - 120) < 5
    field = np.exp(np.linspace(-0.25, 0.25, 33))[:, None, None]
    biased = brain.array * field

    def unevenness(values):
        return np.std(values[white]) / np.mean(values[white])

    found = normalised(brain.with_array(biased.astype(np.float32)), mask)
    assert unevenness(found) < unevenness(biased) / 3


def test_one_intensity_is_white_matter(brain):
    """Without any contrast there is no field and no threshold to find."""
    mask = brain.array != 0
    found = normalised(brain.with_array(mask.astype(np.uint8) * 5), mask)
    np.testing.assert_allclose(found[mask], WHITE_MATTER)
