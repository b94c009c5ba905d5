import numpy as np
import pytest

from ctbench.boxes import box_around


@pytest.fixture
def mask():
    """Two voxels in opposite corners of a box from (2, 3, 4) to (4, 5, 4)."""
    found = np.zeros((6, 7, 8), bool)
    found[2, 3, 4] = found[4, 5, 4] = True
    return found


def test_the_box_is_the_smallest_and_grows_by_its_margin(mask):
    """One margin for all axes, or one each."""
    assert box_around(mask) == (slice(2, 5), slice(3, 6), slice(4, 5))
    assert box_around(mask, 1) == (slice(1, 6), slice(2, 7), slice(3, 6))
    assert box_around(mask, (0, 1, 2)) == (slice(2, 5), slice(2, 7), slice(2, 7))


def test_it_ends_at_the_border(mask):
    """No negative start, which would count from the end, and no end beyond the array."""
    assert box_around(mask, 20) == (slice(0, 6), slice(0, 7), slice(0, 8))


def test_an_empty_mask_has_no_box():
    """None, also with a margin."""
    assert box_around(np.zeros((3, 3, 3), bool), 5) is None
