import numpy as np
import pytest

from ctbench.phantom.scanner import Scanner, average_slices, most_frequent, scan


def test_slices_average_their_subslices():
    """A slice half in bone and half in brain has the mean of both."""
    subslices = np.zeros((4, 2, 2), np.float32)
    subslices[1], subslices[2], subslices[3] = 1000.0, 30.0, 40.0
    np.testing.assert_allclose(average_slices(subslices, 2)[:, 0, 0], [500.0, 35.0])


@pytest.mark.parametrize(
    ("column", "expected"),
    [((1, 1, 2), 1), ((1, 2, 2), 2), ((1, 2, 1), 1), ((1, 2, 3), 2), ((3, 1, 2, 2, 1), 2)],
)
def test_the_most_frequent_label_wins_and_the_middle_breaks_ties(column, expected):
    """The label of a slice is that of most of its subslices."""
    subslices = np.array(column, np.uint8)[:, None, None]
    assert most_frequent(subslices, len(column)).item() == expected


def test_noise_has_the_stated_standard_deviation():
    """A uniform object is stored with the noise that was asked for, and with the scanner's offset."""
    rng = np.random.Generator(np.random.PCG64(0))
    stored = scan(np.full((4, 64, 64), 30.0), Scanner("X", 0.0, 2.0), 3.5, (5.0, 1.0, 1.0), rng)
    assert abs(stored.std() - 3.5) < 0.1
    assert abs(stored.mean() - 32.0) < 0.2


def test_noise_is_correlated_in_the_plane_but_not_across_slices():
    """Neighbouring pixels share noise, neighbouring slices do not."""
    rng = np.random.Generator(np.random.PCG64(0))
    noise = scan(np.zeros((8, 64, 64)), Scanner("X", 0.0, 0.0), 20.0, (5.0, 1.0, 1.0), rng).astype(float)
    assert np.corrcoef(noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel())[0, 1] > 0.2
    assert abs(np.corrcoef(noise[1:].ravel(), noise[:-1].ravel())[0, 1]) < 0.05


def test_brain_beside_bone_is_brighter():
    """Beam hardening lifts soft tissue near bone, and nothing else."""
    hu = np.full((1, 32, 32), 30.0)
    hu[:, :, :4] = 1000.0
    stored = scan(hu, Scanner("X", 4.0, 0.0), 1e-6, (5.0, 1.0, 1.0), np.random.Generator(np.random.PCG64(0)))
    assert stored[0, 16, 5] > 31
    assert stored[0, 16, 30] == 30
    assert stored[0, 16, 0] == 1000
