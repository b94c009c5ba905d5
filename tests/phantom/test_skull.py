import dataclasses

import numpy as np
import pytest

from ctbench.phantom.canvas import Canvas
from ctbench.phantom.cavity import cranial_cavity, vault
from ctbench.phantom.fields import Lattice
from ctbench.phantom.shapes import Points
from ctbench.phantom.skull import paint_outside, skin, skull_thickness
from ctbench.phantom.tissue import AIR


@pytest.fixture
def ray(at):
    """Points along the x axis from the brain to the air, half a millimetre apart, above the base of the skull."""
    return at(*((x, 0.0, 20.0) for x in np.arange(40.0, 100.0, 0.5)))


@pytest.fixture
def painted(ray, subject):
    """HU along the ray, with a skull and a scalp of known thickness."""
    person = dataclasses.replace(subject, skull_mm=7.0, scalp_mm=5.0)
    egg, thickness = vault(ray), np.full(ray.x.shape, 7.0)
    outside = skin(ray, egg, person, thickness)
    canvas = Canvas(np.full(ray.x.size, AIR), np.zeros(ray.x.size, np.uint8), 0.5)
    cavity = cranial_cavity(ray, egg)
    paint_outside(canvas, ray, cavity, outside, thickness, person)
    return canvas, cavity, outside


def test_the_skull_is_thickest_over_the_nose(subject):
    """The forehead adds 5 mm to what the field of the subject says; far from it nothing is added."""
    z, y, x = np.array([-10.0]), np.array([-82.0, 60.0]), np.array([0.0])
    points = Points(x[None, None, :], y[None, :, None], z[:, None, None])
    mean = subject.skull_mm * (1.0 + 0.1 * subject.bony.on_grid(z, y, x))
    found = skull_thickness(points, subject, (z, y, x))
    np.testing.assert_allclose(found - mean, np.array([5.0, 0.0]).reshape(1, 2, 1), atol=1e-9)


def test_above_the_base_the_skin_lies_a_skull_and_a_scalp_over_the_cavity(ray, subject):
    """The distance to the air is that to the vault less both thicknesses."""
    egg = vault(ray)
    np.testing.assert_allclose(skin(ray, egg, subject, np.full(egg.shape, 6.0)), egg - 6.0 - subject.scalp_mm)


def test_face_and_ears_are_part_of_the_head(at, subject):
    """Nose, ear and neck lie outside the vault and inside the skin."""
    places = at((1, -98, -66), (76, 17, -35), (-76, 17, -35), (0, 23, -99))
    egg = vault(places)
    assert (egg > 10).all()
    assert (skin(places, egg, subject, np.full(4, 6.0)) < 0).all()


def test_layers_follow_from_outside_in(painted):
    """Air, skin and fat, bone: the air is not painted, the bone has hundreds of HU, and no label is given."""
    canvas, cavity, outside = painted
    np.testing.assert_allclose(canvas.hu[outside > 1.0], AIR)
    assert canvas.hu[(outside < -2.0) & (outside > -2.5)].max() < -60
    bone = (cavity > 0.5) & (cavity < 6.5)
    assert canvas.hu[bone].min() > 250
    assert not canvas.labels.any()


def test_marrow_lies_between_two_tables(painted):
    """Both tables of the skull are denser than what lies between them."""
    canvas, cavity, _ = painted
    middle = canvas.hu[np.abs(cavity - 3.5) < 0.5].mean()
    assert canvas.hu[np.abs(cavity - 6.4) < 0.5].mean() > middle + 200
    assert canvas.hu[np.abs(cavity - 0.7) < 0.5].mean() > middle + 200


def test_a_frontal_sinus_is_air_in_the_bone_of_the_forehead(at, subject):
    """Whoever has one has air there; whoever has none has bone."""
    points = at((8, -88, -13))
    found = []
    for size in (1.0, 0.0):
        canvas = Canvas(np.full(1, AIR), np.zeros(1, np.uint8), 0.5)
        person = dataclasses.replace(subject, frontal_sinus=size, texture=Lattice(np.zeros((3, 3, 3)), 2.0))
        paint_outside(canvas, points, np.array([3.0]), np.array([-9.0]), np.array([9.0]), person)
        found.append(canvas.hu[0])
    assert found[0] < -900
    assert found[1] > 250
