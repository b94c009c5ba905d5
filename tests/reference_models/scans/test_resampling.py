"""Voxels of another size and the way back."""

import numpy as np
import pytest

from ctbench.volume import Volume
from reference_models.scans.interpolation import read_between
from reference_models.scans.resampling import ResampledGrid

DIRECTION = np.array([[0.0, 0, 1], [0, -1, 0], [1, 0, 0]])


@pytest.fixture
def image():
    """A volume whose values are linear in mm, stored along other axes than the patient's."""
    z, y, x = np.meshgrid(np.arange(8), np.arange(9), np.arange(5), indexing="ij")
    return Volume(1.0 * z + 10.0 * 2.0 * y + 100.0 * 3.0 * x, (1.0, 2.0, 3.0), (0.0, 0.0, 0.0), DIRECTION)


def test_a_grid_of_the_images_own_spacing_is_the_image():
    """Where the voxels are cubes already, nothing changes in either direction."""
    array = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    grid = ResampledGrid.of(Volume(array, (1.8, 1.8, 1.8)), 1.8)
    assert grid.shape == array.shape
    np.testing.assert_allclose(grid.to_grid(array), array, rtol=1e-6)
    np.testing.assert_allclose(grid.to_native(array), array, rtol=1e-6)


def test_linear_values_stay_linear(image):
    """Finer voxels lie on the same plane in space, and come back as they were."""
    grid = ResampledGrid.of(image, 0.5)
    fine = grid.to_grid(image.array)
    assert fine.shape == (25, 33, 15)  # 12 mm of the image's last axis, 16 of the second, 7 of the first
    np.testing.assert_allclose(np.diff(fine, axis=0), 50.0)
    np.testing.assert_allclose(np.diff(fine, axis=1), -5.0)
    np.testing.assert_allclose(np.diff(fine, axis=2), 0.5)
    np.testing.assert_allclose(grid.to_native(fine), image.array, atol=1e-9)


def test_labels_take_the_nearest_voxel():
    """Of two slices six voxels apart, each rules its half."""
    labels = np.zeros((2, 1, 1), np.uint8)
    labels[1] = 7
    grid = ResampledGrid.of(Volume(labels, (6.0, 1.0, 1.0)), 1.0)
    assert grid.to_grid(labels).ravel().tolist() == [0, 0, 0, 0, 7, 7, 7]
    assert grid.to_grid(labels > 0).dtype == bool


def test_noise_of_fine_voxels_is_smoothed():
    """Four voxels to one: the noise becomes less, which picking every fourth would not do."""
    noise = np.random.default_rng(0).normal(size=(16, 64, 64))
    coarse = ResampledGrid.of(Volume(noise, (4.0, 1.0, 1.0)), 4.0).to_grid(noise)
    assert coarse.std() < 0.4


def test_smoothing_can_be_left_out():
    """Every fourth voxel is picked as it is."""
    noise = np.random.default_rng(0).normal(size=(16, 64, 64))
    grid = ResampledGrid.of(Volume(noise, (4.0, 1.0, 1.0)), 4.0)
    np.testing.assert_allclose(grid.to_grid(noise, smooth=False), noise[:, ::4, ::4])


def test_labels_come_back_by_the_nearest_voxel(image):
    """No code is mixed of two others, and in finer voxels each returns to its own."""
    codes = np.random.default_rng(0).integers(0, 9, image.shape).astype(np.uint8)
    grid = ResampledGrid.of(image, 0.5)
    np.testing.assert_array_equal(grid.to_native(grid.to_grid(codes)), codes)
    assert set(np.unique(ResampledGrid.of(image, 2.0).to_native(np.full(grid.shape, 7, np.uint8)))) == {7}


def test_several_maps_come_back_at_once(image):
    """Leading axes stay."""
    grid = ResampledGrid.of(image, 2.0)
    maps = np.random.default_rng(0).normal(size=(2, *grid.shape))
    both = grid.to_native(maps)
    assert both.shape == (2, *image.shape)
    np.testing.assert_array_equal(both[1], grid.to_native(maps[1]))


def test_one_slice_is_a_grid_too():
    """A single slice has nothing to interpolate between."""
    plane = np.ones((1, 4, 4), np.float32)
    grid = ResampledGrid.of(Volume(plane, (5.0, 1.0, 1.0)), 1.0)
    assert grid.to_grid(plane).shape == (1, 4, 4)


def test_read_between_stops_at_the_ends():
    """Before the first and after the last voxel stand their values."""
    line = np.array([3.0, 5.0]).reshape(1, 1, 2)
    assert read_between(line, [np.zeros(1), np.zeros(1), np.array([-4.0, 0.25, 4.0])]).ravel().tolist() == [3, 3.5, 5]


def test_each_axis_has_its_own_spacing(image):
    """Slices stay where no side is given for them; rows and columns are resampled, and come back."""
    grid = ResampledGrid.of(image, (None, 1.0, 0.5))
    assert grid.spacing_mm == (3.0, 1.0, 0.5)
    assert grid.shape == (5, 17, 15)
    np.testing.assert_allclose(grid.to_native(grid.to_grid(image.array)), image.array, atol=1e-9)
