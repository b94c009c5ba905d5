"""What DeepNAT sees of a scan."""

import numpy as np
import pytest

from ctbench.errors import DataError
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume
from reference_models.deepnat.network import BEFORE, SUPPORT
from reference_models.deepnat.seenbrain import see_brain
from reference_models.scans.brain import brain_mask

COUNTS = {"both": 7, "spectral": 4, "cartesian": 4, "none": 1}


@pytest.fixture
def t1():
    """A stripped brain of two tissues, 0 outside."""
    z, y, x = np.ogrid[-10:11, -12:13, -10:11]
    radius = (z / 8) ** 2 + (y / 10) ** 2 + (x / 7) ** 2
    return Volume(np.where(radius < 0.4, 180.0, np.where(radius < 1, 110.0, 0.0)).astype(np.float32), (2.0, 2.0, 2.0))


@pytest.mark.parametrize("coordinates", sorted(COUNTS))
def test_channels(t1, coordinates):
    """The image first, then three channels a kind of coordinates, with room for a patch around every voxel."""
    seen = see_brain(t1, modality="t1", spacing_mm=2.0, spectral_mm=2.0, coordinates=coordinates)
    assert seen.channels.shape == (COUNTS[coordinates], *(side + SUPPORT - 1 for side in seen.mask.shape))
    np.testing.assert_array_equal(seen.mask, seen.in_box(t1.array != 0))


def test_intensity_of_a_t1(t1):
    """White matter is at 110 of 154 of the window, the darker tissue in proportion, what is not brain below both."""
    seen = see_brain(t1, modality="t1", spacing_mm=2.0, coordinates="none")
    assert seen.channels[0].numpy().min() == -2.0
    found = seen.intensity[seen.mask]
    bright = seen.in_box(t1.array)[seen.mask] == 180.0
    assert np.median(found[bright]) == pytest.approx(1 / 1.4, abs=1e-3)
    assert np.median(found[~bright]) == pytest.approx(110 / 180 / 1.4, abs=0.05)


def test_a_t1_must_be_skull_stripped():
    """A T1 without a voxel of 0, such as the scan of a whole head, is refused with what to do."""
    with pytest.raises(DataError, match="run a brain extraction"):
        see_brain(Volume(np.full((6, 30, 30), 40.0), (5.0, 2.0, 2.0)), modality="t1")


def test_intensity_of_a_ct():
    """0 HU is the lower end of the window, 80 HU the upper, and skull is not seen."""
    head = tiny_head()
    seen = see_brain(head, spacing_mm=8.0, spectral_mm=8.0, coordinates="none")
    mask = seen.grid.to_grid(brain_mask(head))[seen.box]
    wanted = np.clip(seen.in_box(np.clip(head.array, 0, 80).astype(np.float32)) / 80, 0, 1)
    np.testing.assert_allclose(seen.intensity[mask], wanted[mask], atol=1e-5)
    assert not seen.intensity[~mask].any()


def test_cartesian_coordinates(t1):
    """They are distances from the centre of mass: their mean is 0, and a step of 2 mm is the same everywhere."""
    seen = see_brain(t1, modality="t1", spacing_mm=2.0, coordinates="cartesian")
    box = tuple(slice(BEFORE, BEFORE + side) for side in seen.mask.shape)
    z, y, x = seen.channels[(slice(1, None), *box)].numpy()
    for axis, one in enumerate((z, y, x)):
        assert one[seen.mask].mean() == pytest.approx(0, abs=1e-5)
        both = seen.mask.take(range(1, seen.mask.shape[axis]), axis) & seen.mask.take(
            range(seen.mask.shape[axis] - 1), axis
        )
        np.testing.assert_allclose(np.diff(one, axis=axis)[both], 2.0 / (50 / 3), rtol=1e-4)


def test_maps_come_back_onto_the_image(t1):
    """A map of ones in the box is one inside the brain's box, and 0 far outside."""
    seen = see_brain(t1, modality="t1", spacing_mm=1.0, spectral_mm=2.0)
    back = seen.to_image(np.ones(seen.mask.shape, np.float32))
    assert back.shape == t1.shape
    assert back[t1.array != 0].min() == 1.0
    assert not back[0].any()


def test_nothing_without_a_brain():
    """Air, and a T1 of zeros."""
    assert see_brain(Volume(np.full((6, 30, 30), -1000, np.int16), (5.0, 2.0, 2.0))) is None
    assert see_brain(Volume(np.zeros((6, 30, 30)), (5.0, 2.0, 2.0)), modality="t1") is None


def test_a_ct_must_be_in_hu():
    """Grey values from 0 to 255 are refused, with what to do."""
    with pytest.raises(DataError, match="expected Hounsfield units"):
        see_brain(Volume(np.full((6, 30, 30), 40, np.int16), (5.0, 2.0, 2.0)))
