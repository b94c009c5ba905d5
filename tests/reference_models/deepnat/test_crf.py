"""The dense random field against brute force, and on what it must and must not change."""

import numpy as np
import pytest
from scipy import ndimage

from reference_models.deepnat.crf import DenseCrf, GaussianFilter

GREYS = np.array([0.2, 0.4, 0.5, 0.8])


def kernels(features):
    """All pairs at once: the symmetrically normalised Gaussian over features point,axis."""
    distance = ((features[:, None] - features[None]) ** 2).sum(axis=-1)
    kernel = np.exp(-distance / 2)
    norm = 1 / np.sqrt(kernel.sum(axis=1))
    return norm[:, None] * kernel * norm


def brute_force(likelihoods, intensity, mask, crf):
    """Mean field with every pair of voxels written out."""
    places = np.argwhere(mask) / crf.reach
    both = np.concatenate([places, intensity[mask][:, None] * 255 / crf.contrast], axis=1)
    unary = np.log(np.maximum(likelihoods, 1e-6))
    q = np.exp(unary) / np.exp(unary).sum(axis=0)
    for _ in range(crf.iterations):
        field = unary + crf.appearance * q @ kernels(both) + crf.smoothness * q @ kernels(places)
        q = np.exp(field - field.max(axis=0))
        q /= q.sum(axis=0)
    return q


def noisy_regions(seed):
    """Four regions on 12^3 voxels, their grey values with noise, and likelihoods that are wrong half of the time."""
    rng = np.random.default_rng(seed)
    regions = ndimage.gaussian_filter(rng.normal(size=(4, 12, 12, 12)), (0, 2, 2, 2)).argmax(axis=0)
    intensity = np.clip(GREYS[regions] + rng.normal(0, 0.04, regions.shape), 0, 1).astype(np.float32)
    logits = rng.normal(0, 1.5, (4, regions.size)) + 1.5 * (np.arange(4)[:, None] == regions.ravel())
    likelihoods = np.exp(logits) / np.exp(logits).sum(axis=0)
    return regions, intensity, likelihoods.astype(np.float32)


@pytest.fixture
def ball():
    """A bright ball of a thousand voxels, and likelihoods of which a tenth is on the wrong side."""
    rng = np.random.default_rng(0)
    z, y, x = np.ogrid[-12:13, -12:13, -12:13]
    inside = z**2 + y**2 + x**2 <= 6.2**2
    right = np.where(rng.random(inside.shape) < 0.1, ~inside, inside)
    likelihood = np.where(right, 0.8, 0.2).ravel()
    intensity = np.where(inside, 0.6, 0.4) + rng.normal(0, 0.02, inside.shape)
    return inside, np.stack([1 - likelihood, likelihood]).astype(np.float32), intensity.astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_as_brute_force(seed):
    """On 12^3 voxels 99 % get the label that mean field over all pairs gives them, and it changes many."""
    regions, intensity, likelihoods = noisy_regions(seed)
    mask = np.ones(regions.shape, bool)
    found = DenseCrf().refined(likelihoods, intensity, mask)
    wanted = brute_force(likelihoods, intensity, mask, DenseCrf())
    assert (found.argmax(axis=0) == wanted.argmax(axis=0)).mean() >= 0.99
    assert (found.argmax(axis=0) == likelihoods.argmax(axis=0)).mean() < 0.7
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-5)


def test_voxels_outside_the_mask_are_not_there():
    """What lies outside the mask changes nothing inside."""
    regions, intensity, likelihoods = noisy_regions(0)
    mask = regions < 3
    inside = likelihoods[:, mask.ravel()]
    other = np.where(mask, intensity, 0.9).astype(np.float32)
    np.testing.assert_array_equal(DenseCrf().refined(inside, intensity, mask), DenseCrf().refined(inside, other, mask))


def test_a_noisy_ball_is_cleaned_and_not_erased(ball):
    """Of a ball under ten per cent of errors a Dice of 0.97 and more is left, where it was little more than 0.5."""
    inside, likelihoods, intensity = ball
    refined = DenseCrf().refined(likelihoods, intensity, np.ones(inside.shape, bool))

    def dice(found):
        found = found.reshape(inside.shape) > 0
        return 2 * (found & inside).sum() / (found.sum() + inside.sum())

    assert dice(likelihoods.argmax(axis=0)) < 0.6
    assert dice(refined.argmax(axis=0)) > 0.97


def test_weights_of_zero_change_nothing():
    """Without kernels the likelihoods come back, made to add up to 1."""
    regions, intensity, likelihoods = noisy_regions(0)
    found = DenseCrf(appearance=0.0, smoothness=0.0).refined(2 * likelihoods, intensity, np.ones(regions.shape, bool))
    np.testing.assert_allclose(found, likelihoods, rtol=1e-4, atol=1e-6)


def test_no_label_is_special():
    """Classes in another order come out in that order."""
    regions, intensity, likelihoods = noisy_regions(1)
    mask = np.ones(regions.shape, bool)
    order = [2, 0, 3, 1]
    turned = DenseCrf().refined(likelihoods[order], intensity, mask)
    np.testing.assert_allclose(turned, DenseCrf().refined(likelihoods, intensity, mask)[order], rtol=1e-4, atol=1e-6)


def test_filter_is_nearly_the_gaussian():
    """One filtering of a point in the middle of a grid is the Gaussian of the distance to a fifth of its peak."""
    places = np.stack(np.meshgrid(*[np.arange(13.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    features = (places / 2).astype(np.float32)
    values = np.zeros((len(features), 1), np.float32)
    middle = len(features) // 2
    values[middle] = 1
    found = GaussianFilter.of(features)(values)[:, 0]
    wanted = kernels(features)[middle]
    assert np.abs(found - wanted).max() < 0.2 * wanted.max()
    assert found.sum() == pytest.approx(wanted.sum(), rel=0.02)
