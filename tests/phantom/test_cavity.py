import numpy as np
import pytest

from ctbench.phantom.cavity import cranial_cavity, vault
from ctbench.phantom.shapes import Points


@pytest.fixture
def cloud():
    """Random points in and around the head."""
    x, y, z = np.random.default_rng(0).uniform(-90.0, 90.0, (3, 2000))
    return Points(x, y, z)


def test_the_vault_ends_where_its_axes_do(at):
    """The ends of half width, half length, height and depth lie on the inner table."""
    ends = at((63.5, 0, 0), (-63.5, 0, 0), (0, 80, 0), (0, -80, 0), (0, 0, 67.5), (0, 0, -63))
    np.testing.assert_allclose(vault(ends), 0.0, atol=1e-9)


def test_the_vault_is_alike_on_both_sides(cloud):
    """Left and right points of the same height and depth are equally far from the inner table."""
    np.testing.assert_allclose(vault(cloud), vault(Points(-cloud.x, cloud.y, cloud.z)))


def test_the_vault_grows_outwards_along_a_ray(at):
    """Along a ray from the centre the distance rises and is negative before the wall only."""
    ray = vault(at(*((share * 63.5, 0, 0) for share in np.linspace(0.1, 2.0, 20))))
    assert (np.diff(ray) > 0).all()
    assert (ray < -1e-9).sum() == 9


def test_above_the_base_the_cavity_is_that_of_the_vault(cloud):
    """The floor of the skull changes nothing from 2 mm above the widest level upwards."""
    egg = vault(cloud)
    high = cloud.z >= 2.0
    np.testing.assert_array_equal(cranial_cavity(cloud, egg)[high], egg[high])


def test_the_base_takes_space_and_the_foramen_magnum_returns_it(at):
    """Below the anterior fossa and beside the clivus is no cavity; in the middle of the foramen magnum there is."""
    places = at((30, -55, -40), (0, -15, -45), (1, 30, -64), (25, 40, -40))
    distance = cranial_cavity(places, vault(places))
    assert (distance[:2] > 0).all()
    np.testing.assert_array_less(distance[2:], 0.0)


def test_the_given_vault_is_not_changed(cloud):
    """The distance to the vault is needed again by the sulci."""
    egg = vault(cloud)
    before = egg.copy()
    cranial_cavity(cloud, egg)
    np.testing.assert_array_equal(egg, before)
