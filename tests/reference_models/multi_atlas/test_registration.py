"""Registration of an atlas: a head that was moved and stretched comes back, with both deformations."""

import numpy as np
import pytest

from ctbench.volume import Volume
from reference_models.multi_atlas.registration import register_atlas, warped


def blob(centre, radii, shape=(16, 20, 20)):
    """A bright ellipsoid with a dark core, at 6 mm."""
    z, y, x = np.meshgrid(*map(np.arange, shape), indexing="ij")
    far = sum(((place - middle) / radius) ** 2 for place, middle, radius in zip((z, y, x), centre, radii, strict=True))
    return Volume((np.clip(2 - far, 0, 1) - 0.6 * (far < 0.15)).astype(np.float32), (6.0, 6.0, 6.0))


@pytest.mark.parametrize("deformation", ["none", "bspline", "demons"])
def test_a_moved_head_comes_back(deformation, dice):
    """The labels of the atlas lie on those of the scan after registration, and did not before."""
    scan, atlas = blob((8, 10, 10), (5.5, 7.5, 6)), blob((8.5, 9, 10.5), (5, 7, 7))
    head = [one.array > 0.2 for one in (scan, atlas)]
    assert dice(*head) < 0.9
    transform = register_atlas(scan, atlas, deformation)
    found = warped(atlas.with_array(head[1].astype(np.uint8)), scan, transform)
    assert found.dtype == np.uint8
    assert dice(found > 0, head[0]) > 0.93
    again = register_atlas(scan, atlas, deformation)
    np.testing.assert_array_equal(warped(atlas, scan, again), warped(atlas, scan, transform))


def test_what_cannot_be_registered_is_centred(caplog):
    """An empty scan has nothing to align: a warning, and no crash."""
    empty = Volume(np.zeros((8, 8, 8), np.float32), (5.0, 5.0, 5.0))
    empty.array[3:5, 3:5, 3:5] = 1e-3
    transform = register_atlas(empty, blob((4, 4, 4), (3, 3, 3), (8, 8, 8)), "none")
    assert warped(empty, empty, transform).shape == (8, 8, 8)
