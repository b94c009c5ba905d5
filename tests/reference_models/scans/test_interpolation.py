import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from reference_models.scans.interpolation import read_between


def test_at_the_voxels_it_is_the_array_itself():
    """Whole indices read what is there, up to round-off."""
    values = np.random.default_rng(0).normal(size=(3, 4, 5))
    found = read_between(values, [np.arange(n, dtype=float) for n in values.shape])
    np.testing.assert_allclose(found, values, rtol=1e-13)


@given(st.integers(0, 2**32 - 1))
def test_it_is_the_linear_interpolation_of_scipy(seed):
    """At random places inside and outside of the grid; beyond the ends lie the last values."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(3, 4, 5))
    places = [rng.uniform(-2.0, n + 1.0, 4) for n in values.shape]
    expected = ndimage.map_coordinates(values, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")
    np.testing.assert_allclose(read_between(values, places), expected, atol=1e-12)


def test_a_linear_ramp_is_read_exactly():
    """Between voxels of a plane the plane goes on."""
    z, y, x = np.meshgrid(np.arange(3.0), np.arange(4.0), np.arange(5.0), indexing="ij")
    found = read_between(2 * z - y + 0.5 * x, [np.array([0.25, 1.75]), np.array([2.5]), np.array([0.1, 3.9])])
    expected = [[[0.5 - 2.5 + 0.05, 0.5 - 2.5 + 1.95]], [[3.5 - 2.5 + 0.05, 3.5 - 2.5 + 1.95]]]
    np.testing.assert_allclose(found, expected)


def test_axes_before_z_are_kept():
    """Each channel is read by itself."""
    values = np.random.default_rng(0).normal(size=(2, 6, 3, 4, 5))
    places = [np.array([0.5]), np.array([1.5, 2.0]), np.array([3.3])]
    found = read_between(values, places)
    assert found.shape == (2, 6, 1, 2, 1)
    np.testing.assert_array_equal(found[1, 4], read_between(values[1, 4], places))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_stays(dtype):
    """Single precision is not widened, and an axis of one voxel has that value everywhere."""
    found = read_between(np.full((1, 2, 2), 3, dtype), [np.array([-1.0, 0.0, 9.0]), np.array([0.5]), np.array([0.5])])
    assert found.dtype == dtype
    np.testing.assert_array_equal(found.ravel(), [3, 3, 3])
