import numpy as np
import pytest

from ctbench.phantom.shapes import Points, coverage, ellipsoid, step, tube


@pytest.fixture
def points():
    """Random points around the origin."""
    x, y, z = np.random.default_rng(0).normal(0.0, 20.0, (3, 500))
    return Points(x, y, z)


def test_a_ball_is_an_ellipsoid_with_its_exact_distance(points):
    """With three equal axes the distance is that to a sphere."""
    expected = np.sqrt((points.x - 1) ** 2 + (points.y - 2) ** 2 + (points.z - 3) ** 2) - 9.0
    np.testing.assert_allclose(ellipsoid(points, (1.0, 2.0, 3.0), (9.0, 9.0, 9.0)), expected)


def test_an_ellipsoid_is_zero_where_its_axes_end():
    """The ends of the three axes lie on the surface."""
    ends = Points(np.array([4.0, 0.0, 0.0]), np.array([0.0, 5.0, 0.0]), np.array([0.0, 0.0, 6.0]))
    np.testing.assert_allclose(ellipsoid(ends, (0.0, 0.0, 0.0), (4.0, 5.0, 6.0)), 0.0, atol=1e-12)


def test_a_tube_is_a_cylinder_with_round_ends():
    """Beside a straight tube the distance is that to its axis, beyond its end that to its corner."""
    points = Points(np.array([3.0, 0.0]), np.array([5.0, 14.0]), np.array([4.0, 0.0]))
    found = tube(points, ((0.0, 0.0, 0.0), (0.0, 10.0, 0.0)), (2.0, 2.0))
    np.testing.assert_allclose(found, [5.0 - 2.0, 4.0 - 2.0])


def test_a_tube_is_as_wide_as_the_radius_between_its_corners():
    """The radius goes linearly from corner to corner."""
    points = Points(np.array([6.0]), np.array([5.0]), np.array([0.0]))
    np.testing.assert_allclose(tube(points, ((0.0, 0.0, 0.0), (0.0, 10.0, 0.0)), (2.0, 4.0)), 3.0)


def test_coverage_is_half_on_the_surface_and_whole_half_a_width_inside():
    """A blurred point on a surface belongs half to it."""
    np.testing.assert_allclose(coverage(np.array([-1.0, -0.5, 0.0, 0.5, 1.0]), 2.0), [1.0, 0.75, 0.5, 0.25, 0.0])


def test_a_step_rises_from_0_to_1():
    """Far below and far above it is 0 and 1, and half in the middle."""
    np.testing.assert_allclose(step(np.array([-50.0, 0.0, 50.0]), 2.0), [0.0, 0.5, 1.0], atol=1e-9)


def test_points_in_a_box_are_found_by_all_three_axes():
    """A point outside along any axis is not in the box."""
    points = Points(np.array([0.0, 9.0, 0.0, 0.0]), np.array([0.0, 0.0, 9.0, 0.0]), np.array([0.0, 0.0, 0.0, 9.0]))
    assert points.within((-1, 1), (-1, 1), (-1, 1)).tolist() == [0]
