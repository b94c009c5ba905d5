import dataclasses

import numpy as np
import pytest

from ctbench.phantom.brain import paint_brain
from ctbench.phantom.canvas import Canvas
from ctbench.phantom.cavity import cranial_cavity, vault
from ctbench.phantom.place import Place
from ctbench.phantom.shapes import Points
from ctbench.phantom.structures import anatomy_labels
from ctbench.phantom.tissue import CSF


@pytest.fixture(scope="module")
def place():
    """The points of the cranial cavity on a grid of 4 mm, without random fields."""
    x, y, z = (axis.ravel() for axis in np.meshgrid(*(np.arange(-88.0, 89.0, 4.0) + 0.5,) * 3, indexing="ij"))
    points = Points(x, y, z)
    egg = vault(points)
    depth = -cranial_cavity(points, egg)
    inside = np.flatnonzero(depth > 0)
    zero = np.zeros(inside.size)
    return Place(points.take(inside), depth[inside], -egg[inside], zero, zero)


@pytest.fixture
def paint(place):
    """A function that paints a subject's brain on those points."""

    def draw(subject):
        size = place.depth.size
        canvas = Canvas(np.full(size, CSF), np.zeros(size, np.uint8), 1.0)
        paint_brain(canvas, place, subject)
        return canvas

    return draw


def without_calcium(subject, **hu):
    """The same person with calcifications at the given places only."""
    return dataclasses.replace(subject, calcified=dict.fromkeys(subject.calcified, 0.0) | hu)


def test_every_point_of_the_cavity_has_a_label_and_every_label_a_point(paint, subject):
    """The eleven structures fill the skull."""
    assert set(np.unique(paint(subject).labels)) == set(anatomy_labels.values())


def test_tissue_lies_between_fluid_and_venous_blood(paint, subject):
    """Without calcifications nothing in the brain is darker than fluid or brighter than a sinus."""
    hu = paint(without_calcium(subject)).hu
    assert hu.min() >= CSF - 1e-9
    assert hu.max() < 60


@pytest.mark.parametrize("name", ["choroid", "pineal", "falx", "pallidum"])
def test_a_calcification_is_brighter_and_changes_no_label(paint, subject, name):
    """Points near its place reach the HU that the subject has there, and anatomy stays as it is."""
    plain, dense = paint(without_calcium(subject)), paint(without_calcium(subject, **{name: 300.0}))
    np.testing.assert_array_equal(plain.labels, dense.labels)
    brighter = dense.hu - plain.hu
    assert brighter.min() >= 0
    assert dense.hu.max() == pytest.approx(300.0, abs=90.0)
    assert 0 < np.count_nonzero(brighter > 1) < 60


def test_the_cerebellum_lies_below_and_behind(paint, place, subject):
    """All of it is behind the ears and below the cerebrum's middle."""
    labels = paint(subject).labels
    cerebellum = labels == anatomy_labels["cerebellum"]
    cerebrum = labels == anatomy_labels["brainstem_cerebrum"]
    assert place.points.y[cerebellum].min() > 0
    assert place.points.z[cerebellum].max() < place.points.z[cerebrum].mean()


def test_the_shade_of_tissue_is_the_subjects(paint, subject):
    """A shift by 2 HU moves tissue by 2 and leaves fluid and labels as they are."""
    plain = paint(without_calcium(dataclasses.replace(subject, tissue_shift=0.0)))
    brighter = paint(without_calcium(dataclasses.replace(subject, tissue_shift=2.0)))
    np.testing.assert_array_equal(plain.labels, brighter.labels)
    lentiform, fluid = (plain.labels == anatomy_labels[name] for name in ("lentiform", "subarachnoid_space"))
    assert np.median((brighter.hu - plain.hu)[lentiform]) == pytest.approx(2.0)
    assert np.median((brighter.hu - plain.hu)[fluid]) == pytest.approx(0.0)
