"""How slices are looked at."""

from itertools import product

import numpy as np
import pytest

from ctbench.report.drawings.view import View
from ctbench.volume import Volume

SPACING_MM = (5.0, 2.0, 1.0)


def _volume(array, **geometry):
    return Volume(array, SPACING_MM, **geometry)


@pytest.mark.parametrize("flipped", list(product((False, True), repeat=2)))
def test_anterior_is_up_and_right_is_left(flipped):
    """However an axial scan is stored, the picture has the same voxels in the same place."""
    image = np.arange(1 * 6 * 5).reshape(1, 6, 5)
    direction = np.diag([1.0, *(-1.0 if flip else 1.0 for flip in flipped)])
    stored = image[:, :: -1 if flipped[0] else 1, :: -1 if flipped[1] else 1]
    view = View.of(_volume(stored, direction=direction))
    assert view.plane == "axial"
    np.testing.assert_array_equal(view.voxels(stored[0]), image[0])


@pytest.mark.parametrize(("axes", "plane", "shown"), [((1, 0, 2), "coronal", (0, 2)), ((2, 1, 0), "sagittal", (0, 1))])
@pytest.mark.parametrize("transposed", [False, True])
def test_other_planes_have_superior_up(axes, plane, shown, transposed):
    """A scan stored along another axis shows z downwards from superior, and right or anterior on the left."""
    axes = (axes[0], axes[2], axes[1]) if transposed else axes
    world = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    stored = world.transpose(axes)
    direction = np.eye(3)[:, list(axes)]
    view = View.of(_volume(stored, direction=direction))
    assert view.plane == plane
    expected = world.take(2, axis=axes[0])[::-1]
    assert expected.shape == tuple(world.shape[axis] for axis in shown)
    np.testing.assert_array_equal(view.voxels(stored[2]), expected)


def test_air_is_cut_away_with_a_margin():
    """One dense voxel leaves two rows and columns around it; other slices are cut alike unless one is asked for."""
    image = np.full((2, 20, 30), -1000)
    image[0, 10, 15] = image[1, 5, 15] = 40
    assert (View.of(_volume(image), 0).rows, View.of(_volume(image), 0).columns) == ((8, 13), (13, 18))
    assert View.of(_volume(image)).rows == (3, 13)


@pytest.mark.parametrize("value", [-1000, 0])
def test_a_constant_image_is_shown_whole(value):
    """Nothing but air, or masks without an image: there is nothing to cut away."""
    view = View.of(_volume(np.full((1, 4, 6), value)))
    assert (view.rows, view.columns) == ((0, 4), (0, 6))


def test_pixels_are_square():
    """4 rows 2 mm apart and 6 columns 1 mm apart are 8 x 6 mm."""
    view = View.of(_volume(np.zeros((1, 4, 6))))
    assert view.size_mm == (8.0, 6.0)
    assert view.aspect == pytest.approx(0.75)
    assert view.pixels(400) == (400, 300)


def test_nearest_repeats_voxels():
    """Each voxel becomes a block of equal pixels."""
    plane = np.arange(6).reshape(2, 3)
    view = View.of(_volume(plane[None]))
    np.testing.assert_array_equal(view.nearest(plane, (4, 9)), np.kron(plane, np.ones((2, 3), int)))


@pytest.mark.parametrize("directions", list(product((-1.0, 1.0), repeat=2)))
@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0)])
def test_a_box_frames_what_it_framed(axes, directions):
    """However a slice is cut and turned, the box around a blob is the box around the blob in the picture."""
    plane = np.full((12, 16), -1000)
    plane[3:7, 4:11] = 40
    direction = np.eye(3)[:, list(axes)] @ np.diag([1.0, *directions])
    view = View.of(_volume(plane[None], direction=direction))
    drawn = view.nearest(plane == 40, (110, 90))
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    expected = (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
    assert view.box((3, 4, 7, 11), (110, 90)) == pytest.approx(expected, abs=0.51)
