import numpy as np
import pytest

from ctbench.phantom.subject import draw_subject


def rng(seed):
    """Generator whose draws are the same on every machine."""
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(scope="module")
def many():
    """Twelve people."""
    return [draw_subject(rng(seed)) for seed in range(12)]


def test_a_seed_is_a_person():
    """The same seed draws the same numbers and fields, another seed others."""
    one, same, other = (draw_subject(rng(seed)) for seed in (1, 1, 2))
    assert one.calcified == same.calcified
    assert one.ventricle == same.ventricle != other.ventricle
    np.testing.assert_array_equal(one.creases.values, same.creases.values)
    assert np.any(one.creases.values != other.creases.values)


def test_a_rotation_turns_without_stretching(many):
    """Rows and columns are orthonormal, the determinant is 1, and nobody is turned by more than about ten degrees."""
    for subject in many:
        np.testing.assert_allclose(subject.rotation @ subject.rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(subject.rotation) == pytest.approx(1.0)
        assert np.trace(subject.rotation) > 1.0 + 2.0 * np.cos(np.radians(6.0 * np.sqrt(3.0) + 0.5))


def test_sizes_stay_within_those_of_people(many):
    """Lengths are within the stated limits, and no two people are alike."""
    for subject in many:
        assert ((subject.size >= 0.94) & (subject.size <= 1.06)).all()
        assert (np.abs(subject.shift_mm) <= 6.0).all()
        assert 5.5 <= subject.skull_mm <= 8.0
        assert 0.5 <= subject.gap_mm <= 2.2
        assert 15.0 <= subject.sulcus_depth_mm <= 19.0
    assert len({subject.skull_mm for subject in many}) == len(many)


def test_a_calcification_is_absent_or_dense(many):
    """HU are 0 or within the range of the place; some have it and some do not."""
    limits = {"choroid": (90, 350), "pineal": (80, 300), "falx": (90, 350), "pallidum": (50, 90)}
    for name, (low, high) in limits.items():
        values = np.array([subject.calcified[name] for subject in many])
        assert ((values == 0) | ((values >= low) & (values <= high))).all()
        assert 0 < np.count_nonzero(values) < len(many)


def test_ventricles_can_be_made_wide_enough():
    """The lower limit changes the width of the ventricles and nothing that is drawn after it."""
    plain, wide = draw_subject(rng(4)), draw_subject(rng(4), ventricle_at_least=1.7)
    assert plain.ventricle < wide.ventricle == 1.7
    assert (plain.lopsided, plain.tissue_shift) == (wide.lopsided, wide.tissue_shift)
