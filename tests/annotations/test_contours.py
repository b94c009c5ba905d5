import numpy as np
import pytest

from ctbench.annotations.contours import fill

SQUARE = np.array([[0.5, 0.5], [0.5, 4.5], [4.5, 4.5], [4.5, 0.5]])
HOLE = np.array([[1.5, 1.5], [1.5, 3.5], [3.5, 3.5], [3.5, 1.5]])


def filled(*contours, **options):
    """Fill contours on 6 x 6 pixels."""
    return fill([np.asarray(points, float) for points in contours], (6, 6), **options)


def test_a_square_holds_the_centres_inside():
    """4 x 4 centres lie within 0.5 and 4.5."""
    expected = np.zeros((6, 6), bool)
    expected[1:5, 1:5] = True
    np.testing.assert_array_equal(filled(SQUARE), expected)
    np.testing.assert_array_equal(filled(SQUARE[::-1]), expected)


def test_a_contour_in_the_opposite_direction_is_a_hole():
    """By winding number; in the same direction it changes nothing, by exclusive or the direction does not matter."""
    assert filled(SQUARE, HOLE[::-1]).sum() == 16 - 4
    assert filled(SQUARE, HOLE).sum() == 16
    assert filled(SQUARE, HOLE, alternate=True).sum() == 16 - 4
    assert filled(SQUARE, HOLE[::-1], alternate=True).sum() == 16 - 4


def test_a_hole_by_a_keyhole_is_a_hole():
    """One contour that goes in through a channel of no width, around the hole, and out again."""
    keyhole = np.concatenate([SQUARE[:1], SQUARE[1:], SQUARE[:1], HOLE[:1], HOLE[:0:-1], HOLE[:1]])
    assert filled(keyhole).sum() == 16 - 4


def test_centres_on_the_line_belong_to_the_region():
    """Programs that trace the centres of border pixels keep all of them, corners and slants too."""
    corners = [[1, 1], [1, 4], [4, 4], [4, 1]]
    assert filled(corners).sum() == 16
    triangle = filled([[0, 0], [4, 4], [4, 0]])
    np.testing.assert_array_equal(triangle[:5, :5], np.tri(5, dtype=bool))
    assert triangle.sum() == 15


def test_a_line_and_a_point_hold_the_centres_that_they_pass():
    """A region of one pixel is traced as one point by programs that trace centres."""
    assert np.argwhere(filled([[2, 3]])).tolist() == [[2, 3]]
    assert np.argwhere(filled([[2, 1], [2, 3]])).tolist() == [[2, 1], [2, 2], [2, 3]]


def test_contours_may_reach_beyond_the_grid():
    """What lies outside is cut off."""
    assert filled([[-9, -9], [-9, 2.5], [2.5, 2.5], [2.5, -9]]).sum() == 9
    assert filled([[-9, -9], [-9, 99], [99, 99], [99, -9]]).all()
    assert not filled([[7, 7], [7, 9], [9, 9], [9, 7]]).any()
    assert not fill([], (6, 6)).any()


@pytest.mark.parametrize("seed", range(20))
def test_random_polygons_agree_with_a_slow_winding_number(seed):
    """The sum of the angles that a contour turns around a centre is 2 pi per winding."""
    points = np.random.default_rng(seed).uniform(-1, 7, (7, 2))
    found = filled(points)
    for row in range(6):
        for column in range(6):
            around = np.array([complex(x - column, y - row) for y, x in points])
            turns = np.angle(np.roll(around, -1) / around).sum() / (2 * np.pi)
            assert found[row, column] == (round(turns) != 0), (row, column)
