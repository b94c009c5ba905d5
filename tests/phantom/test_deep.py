import dataclasses

import numpy as np
import pytest

from ctbench.phantom.canvas import Canvas
from ctbench.phantom.deep import paint_nuclei, paint_ventricles
from ctbench.phantom.shapes import Points
from ctbench.phantom.structures import anatomy_labels
from ctbench.phantom.tissue import CSF, GREY, WHITE


def blank(points):
    """A canvas of white matter without labels."""
    return Canvas(np.full(points.x.size, WHITE), np.zeros(points.x.size, np.uint8), 1.0)


@pytest.fixture(scope="module")
def block():
    """Points 3 mm apart in the middle of the head, flat."""
    axes = np.arange(-36.0, 37.0, 3.0), np.arange(-45.0, 61.0, 3.0), np.arange(-30.0, 31.0, 3.0)
    x, y, z = (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
    return Points(x, y, z)


@pytest.mark.parametrize(
    ("name", "where", "shade"),
    [
        ("lentiform", (27, -1, 2), GREY + 2.0),
        ("caudate", (14, -22, 7), GREY + 1.5),
        ("internal_capsule", (12.5, -4, 5), WHITE - 1.0),
    ],
)
def test_a_nucleus_is_painted_at_its_centre(at, subject, name, where, shade):
    """The middle of each nucleus has its label and its HU, shifted by those of the subject's tissue."""
    points = at(where)
    canvas = blank(points)
    paint_nuclei(canvas, points, subject)
    assert canvas.labels.tolist() == [anatomy_labels[name]]
    assert canvas.hu[0] == pytest.approx(shade + subject.tissue_shift)


def test_the_thalamus_is_grey_and_belongs_to_the_cerebrum(at, subject):
    """It is none of the eleven structures, so its points keep the label that they had."""
    points = at((11, 14, 5))
    canvas = blank(points)
    paint_nuclei(canvas, points, subject)
    assert canvas.labels.tolist() == [0]
    assert canvas.hu[0] == pytest.approx(GREY - 1.0 + subject.tissue_shift)


def test_nuclei_lie_on_both_sides(block, subject):
    """Painted on folded points, left and right have the same labels."""
    canvas = blank(block)
    paint_nuclei(canvas, block.folded(), subject)
    labels = canvas.labels.reshape(25, -1)
    np.testing.assert_array_equal(labels, labels[::-1])
    expected = {anatomy_labels[name] for name in ("caudate", "lentiform", "insular_cortex", "internal_capsule")}
    assert set(np.unique(labels)) == expected | {0}


def test_the_ventricles_are_filled_with_fluid(at, subject):
    """Lateral, third and fourth ventricle have the label and the HU of fluid."""
    points = at((6, -8, 13), (0, 8, -3), (0, 34, -32))
    canvas = blank(points)
    paint_ventricles(canvas, points, subject)
    assert (canvas.labels == anatomy_labels["ventricles"]).all()
    np.testing.assert_allclose(canvas.hu, CSF)


def test_a_septum_parts_the_lateral_ventricles(at, subject):
    """Between them, in the midline, lies tissue."""
    points = at((0, -15, 10))
    canvas = blank(points)
    paint_ventricles(canvas, points, subject)
    assert canvas.labels.tolist() == [anatomy_labels["septum_pellucidum"]]
    assert canvas.hu[0] > WHITE


def test_wider_ventricles_hold_the_narrow_ones(block, subject):
    """A factor on the width only adds points, and some millilitres of them."""
    masks = []
    for factor in (0.9, 1.3):
        canvas = blank(block)
        paint_ventricles(canvas, block, dataclasses.replace(subject, ventricle=factor))
        masks.append(canvas.labels > 0)
    assert masks[1][masks[0]].all()
    assert np.count_nonzero(masks[1] & ~masks[0]) * 0.027 > 5


def test_a_lopsided_subject_has_a_wider_ventricle_on_the_left(block, subject):
    """With equal sides the volumes are equal; with a positive share the left one (x > 0) is larger."""
    for share, sign in ((0.0, 0), (0.1, 1)):
        canvas = blank(block)
        paint_ventricles(canvas, block, dataclasses.replace(subject, lopsided=share))
        wet = canvas.labels == anatomy_labels["ventricles"]
        assert np.sign(np.count_nonzero(wet & (block.x > 0)) - np.count_nonzero(wet & (block.x < 0))) == sign
