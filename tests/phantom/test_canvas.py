import numpy as np
import pytest

from ctbench.phantom.canvas import Canvas


@pytest.fixture
def canvas():
    """Five points of air without labels; paint fades over 2 mm."""
    return Canvas(np.full(5, -1000.0), np.zeros(5, np.uint8), 2.0)


def test_paint_fades_linearly_over_the_blur(canvas):
    """Half a blur inside the surface the paint is whole, on it half, half a blur outside none."""
    canvas.paint(np.array([-1.0, -0.5, 0.0, 0.5, 1.0]), 200.0, label=3)
    np.testing.assert_allclose(canvas.hu, [200.0, -100.0, -400.0, -700.0, -1000.0])
    assert canvas.labels.tolist() == [3, 3, 0, 0, 0]


def test_later_paint_hides_earlier_paint(canvas):
    """Deep inside two surfaces a point has the HU and the label of the second."""
    inside = np.full(5, -9.0)
    canvas.paint(inside, 30.0, label=1)
    canvas.paint(inside, 70.0, label=2)
    np.testing.assert_allclose(canvas.hu, 70.0)
    assert (canvas.labels == 2).all()


def test_only_the_chosen_points_are_painted(canvas):
    """With ``at``, distances and HU belong to those points, and the others keep what they had."""
    canvas.paint(np.array([-9.0, 9.0]), np.array([40.0, 50.0]), np.array([4, 1]), label=7)
    np.testing.assert_allclose(canvas.hu, [-1000.0, -1000.0, -1000.0, -1000.0, 40.0])
    assert canvas.labels.tolist() == [0, 0, 0, 0, 7]


def test_paint_without_a_label_keeps_the_labels(canvas):
    """Shades within a structure do not change which structure it is."""
    canvas.paint(np.full(5, -9.0), 30.0, label=4)
    canvas.paint(np.full(5, -9.0), 35.0)
    assert (canvas.labels == 4).all()
    np.testing.assert_allclose(canvas.hu, 35.0)
