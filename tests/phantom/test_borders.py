import numpy as np
from scipy import ndimage

from ctbench.phantom.borders import near_labels


def test_distances_are_those_of_a_distance_transform():
    """Up to the reach, every distance is that to the nearest voxel of the label in the slice."""
    labels = np.random.default_rng(0).integers(0, 4, (2, 9, 11)).astype(np.uint8)
    labels = np.kron(labels, np.ones((1, 4, 4), np.uint8))
    spacing, reach = (1.5, 1.0), 4.0
    codes = np.unique(labels)
    where, distance = near_labels(labels, codes, spacing, reach)
    for row, code in enumerate(codes):
        exact = ndimage.distance_transform_edt(labels != code, sampling=(1e6, *spacing)).ravel()[where]
        np.testing.assert_allclose(distance[row], np.where(exact <= reach, exact, np.inf))


def test_voxels_far_from_any_border_are_left_out():
    """In an image of two halves, only the voxels within reach of the border are measured."""
    labels = np.zeros((1, 6, 40), np.uint8)
    labels[:, :, 20:] = 1
    where, _ = near_labels(labels, np.unique(labels), (1.0, 1.0), 3.0)
    assert set(where % 40) == set(range(17, 23))


def test_a_reach_below_a_voxel_still_sees_the_neighbours():
    """Coarse voxels can always change places with the ones beside them."""
    labels = np.zeros((1, 4, 4), np.uint8)
    labels[:, :, 2:] = 1
    _, distance = near_labels(labels, np.unique(labels), (7.0, 7.0), 0.5)
    assert np.isfinite(distance).all()
