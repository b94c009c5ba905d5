import numpy as np
import pytest

from ctbench.phantom import grid as grid_module
from ctbench.phantom.grid import FIELD_OF_VIEW_MM, Grid


def test_the_middle_of_the_grid_is_the_origin_of_the_world():
    """First and last voxel lie opposite each other."""
    grid = Grid((5, 4, 3), (6.0, 2.0, 1.0))
    assert grid.origin_mm == (-12.0, -3.0, -1.0)


@pytest.mark.parametrize(("thickness", "expected"), [(0.5, 1), (2.0, 1), (4.0, 2), (6.25, 3), (10.0, 5)])
def test_a_slice_is_cut_into_subslices_of_about_two_millimetres(thickness, expected):
    """Thin slices are not cut."""
    grid = Grid((2, 8, 9), (thickness, 1.0, 1.0))
    assert grid.subslices == expected
    assert grid.subshape == (2 * expected, 8, 9)


def test_the_subslices_of_a_slice_have_its_position_as_their_mean():
    """Axes are centred, and averaging over the subslices returns the positions of the slices."""
    grid = Grid((3, 4, 5), (6.0, 2.0, 1.5))
    z, y, x = grid.axes()
    np.testing.assert_allclose(z.reshape(3, -1).mean(axis=1), [-6.0, 0.0, 6.0])
    np.testing.assert_allclose(np.diff(z), 2.0)
    np.testing.assert_allclose(y, [-3.0, -1.0, 1.0, 3.0])
    np.testing.assert_allclose(x, [-3.0, -1.5, 0.0, 1.5, 3.0])


@pytest.mark.parametrize("at_once", [1, 45, 100, 10**6])
def test_slabs_hold_every_subslice_once(monkeypatch, at_once):
    """However few points fit into memory, the slabs follow each other without a gap and none is empty."""
    monkeypatch.setattr(grid_module, "_POINTS_AT_ONCE", at_once)
    grid = Grid((7, 5, 4), (4.0, 1.0, 1.0))
    slabs = list(grid.slabs())
    assert [index for slab in slabs for index in range(slab.start, slab.stop)] == list(range(14))
    assert all(slab.start < slab.stop for slab in slabs)


def test_a_scan_covers_a_head():
    """The field of view is that of docs: 150 mm high, 230.4 mm wide and deep."""
    assert FIELD_OF_VIEW_MM == (150.0, 230.4, 230.4)
