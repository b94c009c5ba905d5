import numpy as np
import pytest

from ctbench.volume import Volume
from ctbench.volume.itk import simpleitk
from reference_models.scans import template
from reference_models.scans.space import TemplateSpace
from reference_models.scans.template import mean_brain


def block(value, corner=(6, 10, 8)):
    """A block of 10 x 12 x 14 voxels of 3 mm and one HU in an image that lies off the origin."""
    array = np.zeros((24, 32, 30), np.int16)
    z, y, x = corner
    array[z : z + 10, y : y + 12, x : x + 14] = value
    return Volume(array, (3.0, 3.0, 3.0), (40.0, -7.0, 12.0))


@pytest.fixture
def unregistered(monkeypatch):
    """Brains are taken as they lie; the spaces that were asked for."""
    asked = []

    class Still(TemplateSpace):
        @classmethod
        def of(cls, brain, mean, spacing_mm):
            """The space without any motion."""
            asked.append(brain)
            return cls(mean, brain, simpleitk().Euler3DTransform())

    monkeypatch.setattr(template, "TemplateSpace", Still)
    return asked


@pytest.mark.parametrize("corner", [(6, 10, 8), (0, 0, 0), (14, 20, 16)])
def test_the_centre_of_mass_comes_to_the_middle_of_the_cube(corner):
    """Wherever the brain lay: 128 voxels of 1.5 mm a side around the origin of the world."""
    mean = mean_brain([block(40, corner)], rounds=0)
    assert mean.shape == (128, 128, 128)
    assert mean.spacing_mm == (1.5, 1.5, 1.5)
    assert mean.array.dtype == np.int16
    mass = np.argwhere(mean.array > 20).mean(axis=0)
    np.testing.assert_allclose(mass, 63.5, atol=0.51)
    np.testing.assert_allclose(np.array(mean.origin_mm) + 63.5 * 1.5, 0.0)


def test_the_volume_of_the_brain_is_kept():
    """Resampling to finer voxels moves a block, and does not scale it."""
    mean = mean_brain([block(40)], rounds=0)
    found = np.count_nonzero(mean.array > 20) * 1.5**3
    assert found == pytest.approx(10 * 12 * 14 * 27.0, rel=0.1)


def test_every_brain_is_registered_in_every_round(unregistered):
    """Two rounds over three brains are six registrations, and the mean of equal brains in one place is one of them."""
    centred = mean_brain([block(40)], rounds=0)
    mean = mean_brain([centred] * 3, rounds=2)
    assert len(unregistered) == 6
    np.testing.assert_allclose(mean.array, centred.array, atol=1)


def test_the_mean_of_two_brightnesses_lies_between(unregistered):
    """HU are averaged voxel by voxel."""
    low, high = (mean_brain([block(value)], rounds=0) for value in (20, 60))
    mean = mean_brain([low, high], rounds=1)
    assert mean.array[64, 64, 64] == 40
