import numpy as np

from ctbench.phantom.fields import Lattice, SliceNoise, Waves
from ctbench.phantom.shapes import Points


def rng(seed=0):
    """Generator whose draws are the same on every machine."""
    return np.random.Generator(np.random.PCG64(seed))


def test_waves_are_the_same_field_on_a_finer_grid():
    """Every second point of a grid twice as fine has the value of the coarse grid."""
    waves, coarse = Waves.draw(rng(), 60.0), np.arange(0.0, 60.0, 4.0)
    fine = np.arange(0.0, 60.0, 2.0)
    np.testing.assert_allclose(
        waves.on_grid(fine, fine, fine)[::2, ::2, ::2], waves.on_grid(coarse, coarse, coarse), atol=1e-12
    )


def test_waves_have_zero_mean_and_unit_variance():
    """Over many fields and a wide grid, mean and variance are those of a standard field."""
    axis = np.arange(-400.0, 400.0, 17.0)
    values = np.array([Waves.draw(rng(seed), 30.0).on_grid(axis, axis, axis) for seed in range(8)])
    assert abs(values.mean()) < 0.05
    assert abs(values.var() - 1.0) < 0.1


def test_creases_lie_as_far_apart_as_asked_for():
    """Along a line, the sign changes about once in every ``apart_mm``."""
    creases = Lattice.creases(rng(), 14.0, 100.0)
    changes = np.count_nonzero(np.diff(np.sign(creases.values), axis=2)) / creases.values[:, :, 1:].size
    assert abs(creases.step_mm / changes - 14.0) < 1.5


def test_a_crease_field_measures_the_distance_to_its_crease():
    """Near a crease, one step along the gradient changes the field by about the length of the step."""
    creases = Lattice.creases(rng(1), 20.0, 60.0, step_mm=1.0)
    slope = np.sqrt(sum(part**2 for part in np.gradient(creases.values)))
    near = np.abs(creases.values) < 1.0
    assert abs(np.median(slope[near]) - 1.0) < 0.1


def test_a_lattice_is_linear_between_its_points():
    """Halfway between two points it has their mean."""
    values = rng().standard_normal((5, 5, 5))
    middle = Lattice(values, 2.0).at(Points(np.array([1.0]), np.array([0.0]), np.array([0.0])))
    np.testing.assert_allclose(middle, (values[2, 2, 2] + values[2, 2, 3]) / 2)


def test_slice_noise_at_points_is_that_of_the_whole_grid():
    """Both ways of reading the field agree."""
    noise = SliceNoise.draw(rng(), 2, (3, 20, 30), (2.0, 1.5), 9.0)
    where = np.arange(0, 3 * 20 * 30, 7)
    np.testing.assert_allclose(noise.at(1, where), noise.everywhere(1).ravel()[where])


def test_slice_noise_has_unit_variance_and_is_smooth():
    """Neighbours hardly differ, slices are unrelated, and the variance is 1."""
    field = SliceNoise.draw(rng(), 1, (40, 100, 100), (1.0, 1.0), 10.0).everywhere(0)
    assert abs(field.var() - 1.0) < 0.1
    assert np.diff(field, axis=2).std() < 0.2
    assert abs(np.corrcoef(field[0::2].ravel(), field[1::2].ravel())[0, 1]) < 0.1
