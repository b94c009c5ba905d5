import numpy as np
import pytest

from ctbench.metrics.crop import Crop, Mask

SHAPE = (4, 5, 8)


@pytest.fixture
def mask():
    """A mask of two planes: plane 0 holds codes 2 and 3 of a label map, plane 1 code 3 alone."""
    labels = np.zeros((2, 3, 6), np.uint8)
    labels[0, 1, 2:4] = 2
    labels[1, 2, 5] = 3
    start = np.array([-1, -1, -1])
    return Mask.empty(SHAPE).fill(labels, [2], 1, start).fill(labels, [3, 900], 3, start)


def test_planes_are_filled_one_by_one(mask):
    """Each fill sets its own bits, a code that the label map's type cannot hold is nowhere, and spans enclose all."""
    expected = np.zeros(SHAPE, np.uint8)
    expected[1, 2, 3:5] = 1
    expected[2, 3, 6] = 3
    np.testing.assert_array_equal(mask.voxels, expected)
    assert mask.spans[1, 2].tolist() == [3, 5]
    assert mask.spans[2, 3].tolist() == [6, 7]
    assert mask.spans[0, 0].tolist() == [8, 0]


def test_single_voxels_are_set_and_cleared(mask):
    """Only the bits that are meant change, voxels outside are ignored, and a copy is another mask."""
    before = mask.copy()
    at = np.array([[0, 1, 0, 9], [1, 2, 0, 0], [2, 5, 0, 0]])
    mask.put(at, np.array([0, 2, 2, 2], np.uint8), 2, np.array([-1, -1, -1]))
    assert mask.voxels[1, 2, 3] == 1
    assert mask.voxels[2, 3, 6] == 3
    assert mask.voxels[1, 1, 1] == 2
    assert mask.spans[1, 1].tolist() == [1, 2]
    assert before.voxels[1, 1, 1] == 0
    mask.put(at[:, 1:2], np.zeros(1, np.uint8), 1, np.array([-1, -1, -1]))
    assert mask.voxels[2, 3, 6] == 2


def test_counts_and_windows_of_each_plane(mask):
    """Numbers of voxels are by plane and slice, windows are by plane."""
    prediction = mask.copy()
    prediction.voxels[prediction.voxels > 0] = 3
    boxes = np.array([[0, 4, 1, 5, 2, 8], [1, 4, 2, 5, 2, 8]])
    crop = Crop(mask, mask, prediction, np.zeros((0, 0, 0), np.uint8), 2, boxes)
    assert crop.counts.sum(axis=1).tolist() == [[3, 3, 3], [1, 3, 1]]
    assert crop.counts[0].tolist() == [[0, 0, 0], [2, 2, 2], [1, 1, 1], [0, 0, 0]]
    assert crop.windows == [(slice(0, 4), slice(1, 5), slice(2, 8)), (slice(1, 4), slice(2, 5), slice(2, 8))]
