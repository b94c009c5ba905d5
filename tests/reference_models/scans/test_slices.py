import numpy as np
import pytest

from ctbench.volume import Volume
from reference_models.scans.slices import Slices


def image(shape=(3, 40, 30), spacing=(5.0, 0.5, 0.5), direction=None):
    """A smooth image."""
    z, y, x = np.indices(shape)
    return Volume((np.sin(y / 6) + np.cos(x / 5) + z).astype(np.float32), spacing, direction=direction)


def test_slices_are_padded_to_multiples_of_16_and_come_back():
    """Without resampling the way there and back changes nothing."""
    scan = image()
    plan = Slices.of(scan)
    slices = plan.cut(scan.array, -1000.0)
    assert slices.shape == (3, 48, 32)
    assert (slices[:, 40:] == -1000).all()
    np.testing.assert_array_equal(plan.restore(slices[None])[0], scan.array)


def test_resampling_goes_to_square_pixels_and_back():
    """20 x 15 mm at 1 mm are 20 x 15 pixels; what is smooth comes back almost as it was."""
    scan = image()
    plan = Slices.of(scan, pixel_mm=1.0)
    slices = plan.cut(scan.array, 0.0)
    assert plan.size == (20, 15)
    assert slices.shape == (3, 32, 16)
    assert np.abs(plan.restore(slices[None])[0] - scan.array).mean() < 0.05


def test_an_edge_gives_square_slices():
    """Whatever the image is: 512 in the paper, 16 here."""
    assert Slices.of(image(), edge=16).cut(image().array, 0.0).shape == (3, 16, 16)


def test_codes_stay_codes():
    """Integers are never averaged."""
    scan = image()
    codes = np.where(scan.array > 1, 7, 2).astype(np.uint8)
    assert set(np.unique(Slices.of(scan, pixel_mm=0.8).cut(codes, 0))) <= {0, 2, 7}


@pytest.mark.parametrize("flip", [np.diag([-1.0, 1.0, 1.0]), np.diag([1.0, 1.0, -1.0])])
def test_a_flipped_scan_gives_the_same_slices(flip):
    """The network sees it from the same side, and the answer lies where the flipped scan is."""
    scan = image()
    axis = int(np.argmin(np.diag(flip)))
    stored = Volume(np.flip(scan.array, axis).copy(), scan.spacing_mm, direction=flip)
    plan = Slices.of(stored)
    slices = plan.cut(stored.array, 0.0)
    np.testing.assert_array_equal(slices, Slices.of(scan).cut(scan.array, 0.0))
    np.testing.assert_array_equal(plan.restore(slices[None])[0], stored.array)


def test_boxes_come_back_with_their_slices():
    """Half the size in both directions doubles a box; it is cut at the image's border."""
    scan = image((3, 64, 32))
    plan = Slices.of(scan, edge=32)
    low, high = plan.restore_box(1, (4, 8, 10, 16), scan.shape)
    assert (low.tolist(), high.tolist()) == ([1, 8, 8], [2, 20, 16])
    low, high = plan.restore_box(2, (-3, 8, 40, 99), scan.shape)
    assert (low.tolist(), high.tolist()) == ([2, 0, 8], [3, 64, 32])
