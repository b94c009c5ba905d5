import numpy as np
import pytest

from ctbench.agreement.snapshots import Snapshot
from ctbench.report.drawings.snapshots import draw_snapshot
from ctbench.volume import Volume


@pytest.fixture
def snapshot():
    """Make a snapshot of 4 x 6 voxels: the first voxel of the first row is tinted half, the last one fully."""

    def make(image=None, *, in_hu=True, flipped=1):
        shade = np.zeros((1, 4, 6), np.float32)
        shade[0, 0, 0], shade[0, 0, 5] = 0.5, 1
        volume = Volume(shade, (5.0, 1.0, 2.0), direction=np.diag([1, flipped, flipped]))
        return Snapshot(volume, (3, 0, 0), 9, image, in_hu)

    return make


def test_blue_to_yellow_over_the_image_in_the_brain_window(snapshot):
    """40 HU is grey, the tinted voxels are in between; pixels are square, whatever the voxels are."""
    plain, tinted = draw_snapshot(snapshot(np.full((4, 6), 40)), largest=60)
    assert plain.shape == (20, 60, 3)
    assert set(np.unique(plain)) == {128}
    changed = (plain != tinted).any(axis=-1)
    assert changed[:5, :10].all()
    assert changed[:5, 50:].all()
    assert changed.sum() == 100
    assert tinted[0, 59, 2] < tinted[0, 0, 2]  # yellow has less blue


def test_orientation_is_the_radiologists(snapshot):
    """Rows stored from behind, and columns from the left, are turned round."""
    usual, turned = (draw_snapshot(snapshot(flipped=sign), largest=60)[0] for sign in (1, -1))
    np.testing.assert_array_equal(turned, usual[::-1, ::-1])


def test_without_hu_the_window_is_the_range_of_the_image(snapshot):
    """The darkest is black and the brightest white."""
    plain, _ = draw_snapshot(snapshot(np.arange(24).reshape(4, 6) * 1000, in_hu=False), largest=60)
    assert plain.min() < 20
    assert plain.max() > 235
