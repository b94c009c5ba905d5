import numpy as np
import pytest

from ctbench.phantom.folds import brainstem, central_sulcus, insula, outside_cerebrum, under_tentorium
from ctbench.phantom.place import Place


@pytest.fixture
def place(at):
    """A function that puts points at a depth (mm) below inner table and vault, without random fields."""

    def make(*places, depth):
        points = at(*places)
        zero = np.zeros(len(places))
        return Place(points, zero + depth, zero + depth, zero, zero)

    return make


@pytest.fixture
def outside(subject):
    """A function that measures the distance to the cerebrum."""

    def measure(place):
        side = place.points.folded()
        central = central_sulcus(side, place.depth)
        return outside_cerebrum(place, side, under_tentorium(side), central, subject)

    return measure


def test_the_tentorium_divides_cerebellum_and_occipital_lobe(at):
    """Far from its rounded edge the distance is 0.9 of the height below the sheet."""
    height = 3.8 - 0.33 * (60.0 - 38.0) - 0.42 * 10.0
    below, above = under_tentorium(at((10, 60, height - 20), (10, 60, height + 20)))
    assert below == pytest.approx(0.9 * 20)
    assert above == pytest.approx(0.9 * -20)


def test_in_front_of_the_petrous_ridge_nothing_is_under_the_tentorium(at):
    """The temporal lobe lies at the height of the cerebellum and yet above the tentorium."""
    assert (under_tentorium(at((40, 0, -30), (30, -40, -30))) < 0).all()


def test_the_central_sulcus_is_a_sheet(at):
    """It is 0 on the sheet, falls by 1 / 1.12 per mm beside it, and ends 18 mm under the skull."""
    course = 15.0 - 0.44 * 40.0 - 0.12 * 10.0
    course += 4.0 * np.exp(-(((40.0 - 24.0) / 6.0) ** 2)) + 1.5 * np.sin(10.0)
    places = at((40, course, 50), (40, course + 1.12, 50), (40, course, 50))
    np.testing.assert_allclose(central_sulcus(places, np.array([5.0, 5.0, 25.0])), [0.0, -1.0, -7.0], atol=1e-12)


def test_the_brainstem_holds_midbrain_pons_and_medulla(at):
    """The axis of the trunk is inside by its radius, and a point far to the side is outside."""
    distance = brainstem(at((0, 19, -8), (0, 17.5, -29), (0, 30, -75), (50, 19, -8)))
    assert distance[0] == pytest.approx(-9.75, abs=0.01)
    assert distance[1] == pytest.approx(-12.5, abs=0.01)
    assert distance[2] == pytest.approx(-7.0, abs=0.01)
    assert distance[3] > 25


def test_the_insula_covers_the_lentiform_nucleus(at):
    """The ends of the island's axes lie on its surface."""
    np.testing.assert_allclose(insula(at((39, -1, 4), (17, 24, 4), (17, -1, 21))), 0.0, atol=1e-12)


def test_white_matter_is_cerebrum_and_its_surroundings_are_not(place, outside):
    """Deep white matter is inside; the gap under the skull, the midline fissure and the cerebellum are outside."""
    assert outside(place((30, 30, 35), depth=30.0))[0] < 0
    assert outside(place((30, 30, 60), depth=0.1))[0] > 0
    assert outside(place((0, -60, 40), depth=25.0))[0] > 0
    assert outside(place((20, 55, -30), depth=25.0))[0] > 0


def test_both_sides_have_the_same_distance_without_random_fields(place, outside):
    """Deep enough for no sulcus to reach, left and right differ in nothing."""
    left, right = (place((sign * 30, 30, 35), (sign * 2, -40, 40), depth=40.0) for sign in (1, -1))
    np.testing.assert_allclose(outside(left), outside(right))
