import numpy as np
import pytest

from ctbench.metrics.pair import Pair
from ctbench.metrics.structures import Structure

SHAPE = (6, 9, 11)


@pytest.fixture
def pair(box):
    """Code 3 in the reference, code 3 one slice higher in the prediction, code 70,000 in one corner."""
    reference, prediction = (np.zeros(SHAPE, np.int32) for _ in range(2))
    reference[box(SHAPE, (1, 2, 3), (3, 5, 7))] = 3
    prediction[box(SHAPE, (2, 2, 3), (4, 5, 7))] = 3
    prediction[5, 8, 10] = 70_000
    return reference, prediction


def test_a_crop_holds_all_voxels_and_a_margin(pair):
    """A crop is as large as the structure in both label maps and its possible voxels, and one voxel more."""
    crop = Pair(*pair, [3, 70_000]).crop(Structure("blob", (3,), 1.0))
    assert crop.reference.voxels.shape == (3 + 2, 3 + 2, 4 + 2)
    assert crop.reference.voxels[1:3, 1:-1, 1:-1].all()
    assert crop.reference.voxels.sum() == crop.prediction.voxels.sum() == 24
    assert crop.uncounted.size == 0
    assert crop.outer is crop.reference
    assert crop.counts.sum(axis=0).tolist() == [24, 24, 12]


def test_codes_beyond_the_table_have_a_box(pair):
    """Rare, large codes are found as well."""
    crop = Pair(*pair, [3, 70_000]).crop(Structure("blob", (70_000,), 1.0))
    assert crop.prediction.voxels.shape == (3, 3, 3)
    assert crop.prediction.voxels[1, 1, 1] == crop.prediction.voxels.sum() == 1


def test_a_structure_that_is_nowhere_has_no_crop(pair):
    """Nothing to cut out is None."""
    assert Pair(*pair, [3, 4]).crop(Structure("blob", (4,), 1.0)) is None


def test_possible_and_uncounted_voxels(pair, box):
    """The outer mask has the possible voxels too; excluded voxels and unannotated slices do not count."""
    band = box(SHAPE, (0, 0, 0), (2, 2, 2))
    annotated = np.arange(6) != 3
    given = Pair(*pair, [3], excluded=band, annotated=annotated, possible={3: np.flatnonzero(band)})
    crop = given.crop(Structure("blob", (3,), 1.0))
    assert crop.outer.voxels.shape == (4 + 2, 5 + 2, 7 + 2)
    assert crop.outer.voxels.sum() == 24 + 8
    assert crop.reference.voxels.sum() == 24
    inside = np.pad(band | ~annotated[:, None, None], 1)[0:6, 0:7, 0:9]
    np.testing.assert_array_equal(crop.uncounted[1:-1, 1:-1, 1:-1], inside[1:-1, 1:-1, 1:-1])
    assert crop.counts.sum(axis=0).tolist() == [24, 12, 12]
