import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume, read_volume
from reference_models.scans.headgrid import HeadGrid

PATCH = (4, 8, 8)


@pytest.fixture
def box():
    """Water in a corner of air: 5 x 20 x 12 voxels from 2, 10, 6 on."""
    hu = np.full((12, 40, 30), -1000, np.int16)
    hu[2:7, 10:30, 6:18] = np.arange(5)[:, None, None]
    return Volume(hu, (4.0, 1.0, 1.0))


def test_air_around_the_head_is_cut_off(box):
    """What remains begins with the head, and comes back to its place with zeros around it."""
    grid = HeadGrid.of(box, PATCH)
    inside = grid.cut(box.array.astype(np.float32), -1000.0)
    assert inside.shape == (5, 20, 12)
    assert inside.min() == 0
    back = grid.restore(inside + 1)
    np.testing.assert_array_equal(back, np.where(box.array >= 0, box.array + 1, 0))


def test_the_same_head_in_another_field_of_view_looks_alike(box):
    """More air, and axes stored the other way, change nothing."""
    wide = np.pad(box.array, ((3, 1), (5, 9), (0, 7)), constant_values=-1000)
    flipped = Volume(wide[:, ::-1, ::-1], box.spacing_mm, direction=np.diag([1.0, -1.0, -1.0]))
    one, other = (HeadGrid.of(image, PATCH).cut(image.array.astype(np.float32), -1000.0) for image in (box, flipped))
    np.testing.assert_array_equal(one, other)


def test_small_heads_are_padded_at_the_end(box):
    """To the size of a patch, with the value given; the padding does not come back."""
    grid = HeadGrid.of(box, (8, 16, 16))
    inside = grid.cut(box.array.astype(np.float32), -1000.0)
    assert inside.shape == (8, 20, 16)
    assert (inside[5:] == -1000).all()
    assert (inside[:, :, 12:] == -1000).all()
    assert (grid.restore(np.ones_like(inside)) == (box.array >= 0)).all()


def test_other_voxels_are_resampled_along_all_axes(box):
    """A ramp of one a slice of 4 mm becomes a ramp of a half a slice of 2 mm, and labels stay labels."""
    grid = HeadGrid.of(box, PATCH, (2.0, 2.0, 0.5))
    ramp = grid.cut(box.array.astype(np.float32), -1000.0)
    assert ramp.shape == (10, 10, 24)
    np.testing.assert_allclose(ramp[1:-1, 5, 5], 0.25 + 0.5 * np.arange(8), atol=1e-5)
    assert set(np.unique(grid.cut(box.array.clip(0).astype(np.uint8), 0))) == set(range(5))
    np.testing.assert_allclose(grid.restore(ramp)[3:6, 15, 10], [1, 2, 3], atol=0.02)


def test_thin_slices_are_averaged():
    """Each slice is a mean over eight, with weights 1 3 5 7 7 5 3 1: noise falls to sqrt(168) / 32 of what it was."""
    noise = np.random.default_rng(0).normal(0, 100, (64, 16, 16)).astype(np.float32)
    image = Volume(noise, (1.0, 1.0, 1.0))
    thick = HeadGrid.of(image, PATCH, (4.0, 1.0, 1.0)).cut(noise, 0.0)
    assert thick.shape[0] == 16
    assert thick.std() == pytest.approx(noise.std() * np.sqrt(168) / 32, rel=0.05)


def test_air_alone_is_taken_as_it_is():
    """There is no head to cut out."""
    image = Volume(np.full((3, 10, 9), -1000, np.int16), (5.0, 1.0, 1.0))
    grid = HeadGrid.of(image, PATCH)
    assert grid.cut(image.array, -1000).shape == (4, 10, 9)
    assert grid.restore(np.zeros((4, 10, 9), np.float32)).shape == image.shape


@settings(deadline=None, max_examples=50)
@given(
    array=arrays(np.float32, st.tuples(*[st.integers(1, 7)] * 3), elements=st.sampled_from([-1000.0, 0.0, 40.0])),
    flips=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    order=st.permutations(range(3)),
)
def test_nothing_is_lost_without_resampling(array, flips, order):
    """However the axes lie, what is not air comes back exactly, and air as zero or as it was."""
    image = Volume(array, (2.0, 1.0, 1.5), direction=np.diag(flips)[list(order)])
    grid = HeadGrid.of(image, PATCH)
    back = grid.restore(grid.cut(array, -1000.0))
    assert (back[array > -300] == array[array > -300]).all()
    assert np.isin(back[array <= -300], [0.0, -1000.0]).all()


def test_what_is_cut_from_a_head_comes_back_to_it():
    """There and back without resampling is exact inside the box."""
    image = tiny_head()
    grid = HeadGrid.of(image, (16, 64, 64))
    hu = image.array.astype(np.float32)
    back = grid.restore(grid.cut(hu, -1000.0))
    solid = hu > -300
    np.testing.assert_array_equal(back[solid], hu[solid])


def test_a_real_head_comes_back_to_its_place(real_data):
    """From a fraction of its voxels; moved by one voxel along any axis it would fit worse."""
    image = read_volume(real_data / "head_ct" / "cranium.nii.gz")
    hu = np.clip(image.array, -150, 230).astype(np.float32)
    grid = HeadGrid.of(image, (16, 64, 64), (3.0, 2.0, 2.0))
    small = grid.cut(hu, -150.0)
    assert small.size < 0.15 * hu.size
    inside, back = image.array > -300, grid.restore(small)
    fits = [
        np.corrcoef(np.roll(back, shift, axis)[inside], hu[inside])[0, 1] for axis in range(3) for shift in (-1, 0, 1)
    ]
    assert max(fits) == fits[1] > 0.85
