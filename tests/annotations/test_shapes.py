import numpy as np
import pytest

from ctbench.annotations.shapes import Picture, bitmap, box, ellipse, numbers, polygon, runs
from ctbench.errors import GeometryError, VolumeFileError

SIZE = (6, 8)


def drawn(rows, columns):
    """A mask of 6 x 8 pixels with a rectangle."""
    mask = np.zeros(SIZE, bool)
    mask[slice(*rows), slice(*columns)] = True
    return mask


def test_a_box_on_the_edges_of_pixels_holds_these_pixels():
    """Coordinates are counted from the upper left corner of the picture, not from the first pixel's centre."""
    np.testing.assert_array_equal(box((2, 1), (3, 4), 0, (0, 0), "a")(SIZE), drawn((1, 5), (2, 5)))


def test_a_pixel_belongs_if_its_centre_is_inside_or_on_the_line():
    """As for contours of RTSTRUCT: from 1.5 to 3.5 are the centres of the pixels 1 to 3."""
    np.testing.assert_array_equal(box((1.5, 1.5), (2, 2), 0, (0, 0), "a")(SIZE), drawn((1, 4), (1, 4)))
    np.testing.assert_array_equal(box((1.51, 1.51), (1.9, 1.9), 0, (0, 0), "a")(SIZE), drawn((2, 3), (2, 3)))


def test_a_box_is_rotated_clockwise_about_its_pivot():
    """By 90 degrees about the upper left corner, what lay to the right lies below, and what lay below to the left."""
    np.testing.assert_array_equal(box((4, 1), (3, 2), 90, (4, 1), "a")(SIZE), drawn((1, 4), (2, 4)))
    np.testing.assert_array_equal(box((2, 2), (4, 2), 90, (4, 3), "a")(SIZE), drawn((1, 5), (3, 5)))


def test_a_polygon_has_corners_x_y():
    """A triangle under the diagonal: a row has as many centres as its number."""
    mask = polygon(np.array([[0.0, 0.0], [6.0, 6.0], [0.0, 6.0]]), "a")(SIZE)
    assert mask.sum(axis=1).tolist() == [1, 2, 3, 4, 5, 6]  # the diagonal is on the line


def test_an_ellipse_holds_the_centres_inside():
    """By its equation; rotated by 90 degrees, its radii change places."""
    y, x = np.mgrid[:6, :8] + 0.5
    expected = ((x - 4) / 3) ** 2 + ((y - 3) / 1.6) ** 2 <= 1
    np.testing.assert_array_equal(ellipse((4, 3), (3, 1.6), 0, "a")(SIZE), expected)
    np.testing.assert_array_equal(ellipse((4, 3), (1.6, 3), 90, "a")(SIZE), expected)
    tilted = ellipse((4, 3), (3, 1), 45, "a")(SIZE)
    assert tilted[4, 5]
    assert not tilted[4, 2]


def test_an_ellipse_without_area_is_refused():
    """A radius of zero."""
    with pytest.raises(VolumeFileError, match="a is an ellipse with the radii 0 and 2"):
        ellipse((4, 3), (0, 2), 0, "a")


def test_a_bitmap_covers_a_part():
    """It begins at its left and top."""
    np.testing.assert_array_equal(bitmap(np.ones((2, 3), bool), "a", left=5, top=4)(SIZE), drawn((4, 6), (5, 8)))


@pytest.mark.parametrize(
    "draw",
    [
        polygon(np.array([[0.0, 0.0], [9.5, 0.0], [0.0, 3.0]]), "the shape"),
        box((-3, 0), (5, 5), 0, (0, 0), "the shape"),
        ellipse((4, 3), (3, 5), 0, "the shape"),
        bitmap(np.ones((2, 3), bool), "the shape", left=6, top=0),
        bitmap(np.ones((2, 3), bool), "the shape", left=0, top=-1),
    ],
)
def test_what_reaches_outside_the_picture_is_refused(draw):
    """It was drawn on another one; a pixel beyond the border is granted to polygons."""
    with pytest.raises(GeometryError, match="the shape reaches outside the picture of 6 x 8 pixels"):
        draw(SIZE)
    assert polygon(np.array([[-0.9, 0.0], [8.9, 0.0], [0.0, 3.0]]), "a")(SIZE).any()


def test_runs_alternate_from_outside_to_inside():
    """Row by row; the first run may be empty."""
    np.testing.assert_array_equal(runs(np.array([1, 2, 3]), (2, 3), "a"), [[0, 1, 1], [0, 0, 0]])
    assert runs(np.array([0, 6]), (2, 3), "a").all()
    for counts in ([1, 2], [7], [-1, 7]):
        with pytest.raises(VolumeFileError, match="a has runs of"):
            runs(np.array(counts), (2, 3), "a")


@pytest.mark.parametrize("values", [["1", "x"], [1, 2, 3], [float("nan"), 1], [1, 1e300], [None, 1], "12", []])
def test_numbers_are_finite_and_come_in_rows(values):
    """Else the message quotes them."""
    with pytest.raises(VolumeFileError, match=r"a has .* as its coordinates; expected rows of 2 numbers"):
        numbers(values, 2, "a")
    assert numbers([["1", "2.5"], ["3", "4"]], 2, "a").tolist() == [[1, 2.5], [3, 4]]


def test_a_picture_is_named_by_its_name_and_page():
    """In messages."""
    assert str(Picture(("a.png",), (), None)) == "'a.png'"
    assert str(Picture((), (), None, 3)) == "'', page 3"
