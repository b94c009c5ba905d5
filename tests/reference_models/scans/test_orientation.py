import itertools

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.volume import Volume
from reference_models.scans.orientation import Orientation

ORDERS = list(itertools.permutations(range(3)))
SIGNS = list(itertools.product((1, -1), repeat=3))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("signs", SIGNS)
def test_every_way_of_storing_a_scan_looks_alike(order, signs):
    """All 48 ways to store one scan give the same array in the patient's order, and all lead back."""
    patient = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    spacing = np.array((5.0, 2.0, 1.0))
    stored = np.flip(patient, [axis for axis in range(3) if signs[axis] < 0]).transpose(order)
    direction = np.zeros((3, 3))
    for axis, world in enumerate(order):
        direction[world, axis] = signs[world]
    image = Volume(stored, tuple(spacing[list(order)]), direction=direction)
    orientation = Orientation.of(image)
    np.testing.assert_array_equal(orientation.apply(stored), patient)
    np.testing.assert_array_equal(orientation.undo(patient), stored)
    np.testing.assert_array_equal(orientation.undo(np.stack([patient, -patient]))[1], -stored)
    assert orientation.spacing_mm(image) == tuple(spacing)
    (low, high), whole = orientation.undo_box([(0, 1, 2), (1, 3, 4)], stored.shape), patient[0:1, 1:3, 2:4]
    part = stored[tuple(slice(int(first), int(stop)) for first, stop in zip(low, high, strict=True))]
    assert sorted(part.flat) == sorted(whole.flat)


def test_an_oblique_scan_goes_to_the_nearest_axes():
    """Twenty degrees about x change nothing of the order."""
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    assert Orientation.of(Volume(np.zeros((2, 3, 4)), (1, 1, 1), direction=turn)).axes == (0, 1, 2)


@pytest.mark.parametrize("letters", ["SPL", "RAS", "LPS", "ial", "PSR"])
def test_an_orientation_can_be_named(letters):
    """An image stored towards the named sides is brought into the patient's order by the orientation of that name."""
    direction = np.zeros((3, 3))
    for axis, letter in enumerate(letters.upper()):
        world = next(world for world, pair in enumerate(("SI", "PA", "LR")) if letter in pair)
        direction[world, axis] = 1 if letter in "SPL" else -1
    stored = np.arange(24).reshape(2, 3, 4)
    named, found = Orientation.named(letters), Orientation.of(Volume(stored, (1, 1, 1), direction=direction))
    assert named == found
    both = np.stack([stored, -stored])
    np.testing.assert_array_equal(named.undo(named.apply(both)), both)


@pytest.mark.parametrize("letters", ["", "RA", "RAA", "RLS", "XYZ", "RASL"])
def test_letters_that_name_no_orientation_are_refused(letters):
    """Every axis of the patient has to be named once."""
    with pytest.raises(UsageError, match=f"orientation '{letters}'"):
        Orientation.named(letters)
