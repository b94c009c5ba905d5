"""Spectral coordinates: closed forms of boxes, residuals, and the rule of sign and order."""

import numpy as np
import pytest
from scipy import ndimage

from ctbench.errors import DataError
from reference_models.deepnat.multigrid import laplacian
from reference_models.deepnat.spectral import RESIDUAL, eigenfunctions, spectral_coordinates


def head(size=38, tilt=0.0):
    """A lopsided ellipsoid with a gap between its halves, longest along y, in a cube of voxels."""
    z, y, x = np.meshgrid(*[np.linspace(-1.1, 1.1, size)] * 3, indexing="ij")
    y, z = y * np.cos(tilt) - z * np.sin(tilt), y * np.sin(tilt) + z * np.cos(tilt)
    mask = (z * (1.4 + 0.15 * y)) ** 2 + y**2 + (x * (1.2 + 0.1 * y)) ** 2 < 1
    return mask & ~((np.abs(x) < 0.03) & (z > 0.35))


def test_eigenvalues_of_a_box():
    """A box of a x b x c voxels has the eigenvalues 2 - 2 cos(pi k / n) of its three paths."""
    values, vectors = eigenfunctions(np.ones((11, 17, 14), bool))
    np.testing.assert_allclose(values, [2 - 2 * np.cos(np.pi / n) for n in (17, 14, 11)], rtol=1e-5)
    cosine = np.cos(np.pi * (np.arange(17) + 0.5) / 17)
    along = vectors[:, 0].reshape(11, 17, 14).mean(axis=(0, 2))
    assert abs(np.corrcoef(along, cosine)[0, 1]) > 0.99999


def test_residuals():
    """Every one of the three is within a thousandth of its eigenvalue, and orthogonal to the constant."""
    mask = head(60)
    values, vectors = eigenfunctions(mask)
    residual = np.linalg.norm(laplacian(mask) @ vectors - vectors * values, axis=0)
    assert (residual <= RESIDUAL * values).all()
    assert (values > 0).all()
    assert np.abs(vectors.sum(axis=0)).max() < 1e-6


def test_they_rise_along_the_axes():
    """Map k follows axis k, has mean 0 and root mean square 1 in the mask, and is 0 outside."""
    mask = head()
    maps = spectral_coordinates(mask)
    places = np.argwhere(mask)
    for axis in range(3):
        assert np.corrcoef(maps[axis][mask], places[:, axis])[0, 1] > 0.8
        assert maps[axis][mask].mean() == pytest.approx(0, abs=1e-4)
        assert (maps[axis][mask] ** 2).mean() == pytest.approx(1, rel=1e-4)
    assert not maps[:, ~mask].any()


@pytest.mark.parametrize("tilt", [-0.2, 0.0, 0.2])
def test_two_scans_of_one_head_agree(tilt):
    """Tilted, with a ragged border, and at another place: the same point has the same coordinates."""
    rng = np.random.default_rng(0)
    mask, other = head(), head(tilt=tilt)
    other = other & ~(ndimage.binary_dilation(~other) & (rng.random(other.shape) < 0.3))
    other = np.pad(other, ((3, 0), (0, 5), (2, 2)))
    one, two = spectral_coordinates(mask), spectral_coordinates(other)[:, 3:, :-5, 2:-2]
    inside = other[3:, :-5, 2:-2].astype(float)
    # The place of every voxel of the first in the second.
    middle = (len(mask) - 1) / 2
    z, y, x = np.argwhere(mask).T - middle
    turned = np.stack([z * np.cos(tilt) - y * np.sin(tilt), y * np.cos(tilt) + z * np.sin(tilt), x])
    both = ndimage.map_coordinates(inside, turned + middle, order=1) > 0.99
    for first, second in zip(one, two, strict=True):
        values = ndimage.map_coordinates(second, turned + middle, order=1)
        assert np.corrcoef(first[mask][both], values[both])[0, 1] > 0.99


def test_mirrored_head_has_mirrored_coordinates():
    """A head that lies the other way round changes the sign of that axis only."""
    mask = head()
    maps, mirrored = spectral_coordinates(mask), spectral_coordinates(mask[:, :, ::-1])[..., ::-1]
    np.testing.assert_allclose(mirrored[0], maps[0], atol=0.03)
    np.testing.assert_allclose(mirrored[2], -maps[2], atol=0.03)


def test_coarse_blocks_give_nearly_the_same():
    """Solved on blocks of two and interpolated, they correlate to more than 0.995 with the full ones."""
    mask = head()
    for fine, coarse in zip(spectral_coordinates(mask), spectral_coordinates(mask, step=2), strict=True):
        assert np.corrcoef(fine[mask], coarse[mask])[0, 1] > 0.995


def test_a_crumb_apart_takes_the_nearest_value():
    """Voxels that hang together with nothing do not vibrate alone."""
    mask = head()
    mask[0, 0, 0] = True
    maps = spectral_coordinates(mask)
    assert np.abs(maps[:, 0, 0, 0]).max() < 4
    assert maps[0, 0, 0, 0] < 0


def test_a_few_voxels_are_refused():
    """Five voxels have no three vibrations worth the name."""
    with pytest.raises(DataError, match="a mask of 5 voxels has no spectral coordinates; expected a brain"):
        spectral_coordinates(np.ones((1, 1, 5), bool))
