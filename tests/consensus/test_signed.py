"""Signed distances, shape-based averages and borders against balls, whose answers are known."""

import itertools

import numpy as np
import pytest

from ctbench.consensus.signed import border_fit, border_offset_mm, diagonal_mm, shape_based_average, signed_distance_mm
from ctbench.errors import DataError


def ball(radius, size=48):
    """A ball in the middle of a cube, in voxels."""
    return np.linalg.norm(np.indices((size,) * 3) - size / 2 + 0.5, axis=0) <= radius


def radius_of(mask):
    """The radius of a ball with as many voxels."""
    return (3 * np.count_nonzero(mask) / (4 * np.pi)) ** (1 / 3)


def test_the_distance_is_that_from_the_border_between_two_voxels():
    """Off by about a tenth of a voxel on average on either side of a sphere, near it and away from it."""
    true = np.linalg.norm(np.indices((48, 48, 48)) - 23.5, axis=0) - 14
    apart = signed_distance_mm(ball(14), (1, 1, 1)) - true
    for low, high in ((-4, -2), (-2, 0), (0, 2), (2, 4)):
        assert abs(apart[(true > low) & (true < high)].mean()) < 0.13


def test_the_average_of_two_balls_has_the_mean_radius():
    """Balls of 10 and 16 voxels average to 12.93 (closed form 13), not to their intersection."""
    mean = shape_based_average({"a": ball(10), "b": ball(16)}, (1, 1, 1))
    assert radius_of(mean) == pytest.approx(12.93, abs=0.1)


def test_one_large_reader_of_three_counts():
    """Of 10, 10 and 19 the average is 13 (closed form); the majority is 10, the mean of volumes 14.33."""
    masks = {"a": ball(10), "b": ball(10), "c": ball(19)}
    assert radius_of(shape_based_average(masks, (1, 1, 1))) == pytest.approx(13.0, abs=0.06)
    weighted = shape_based_average(masks, (1, 1, 1), weights={"a": 0.5, "b": 0.5, "c": 2})
    assert radius_of(weighted) == pytest.approx(16, abs=0.15)


def test_biases_of_concentric_balls_are_their_radii():
    """Three balls of 12, 14 and 17 mm: biases -2.33, -.33 and 2.67 mm, and hardly any spread."""
    masks = {"a": ball(12), "b": ball(14), "c": ball(17), "absent": ball(0)}
    fit = border_fit(masks, (1, 1, 1))
    assert fit.readers == ("a", "b", "c")
    np.testing.assert_allclose(fit.bias_mm, [-7 / 3, -1 / 3, 8 / 3], atol=0.15)
    assert fit.bias_mm.sum() == pytest.approx(0, abs=1e-6)
    assert border_offset_mm(fit, ball(16), (1, 1, 1)) == pytest.approx(16 - 43 / 3, abs=0.15)


def test_spreads_are_those_of_the_readers():
    """A reader with a rough border has a larger spread; the planted spreads of plain numbers are recovered."""
    from ctbench.consensus.signed import _fit

    generator = np.random.default_rng(2)
    sd, bias = np.array([0.2, 0.5, 1.0, 0.4]), np.array([0.6, -0.2, -0.3, -0.1])
    truth = generator.uniform(-2, 2, 20_000)
    shift, spread = _fit(truth + bias[:, None] + sd[:, None] * generator.standard_normal((4, 20_000)))
    np.testing.assert_allclose(shift, bias, atol=0.03)
    np.testing.assert_allclose(spread, sd, atol=0.03)


def test_within_slices_only_the_slice_counts():
    """A slice without a border is infinitely far; others do not know their neighbours."""
    mask = np.zeros((3, 5, 5), bool)
    mask[1, 2, 2] = True
    distance = signed_distance_mm(mask, (1, 1, 1), surface="2d")
    assert np.isinf(distance[0]).all()
    assert (distance[1, 2, 2], distance[1, 2, 3], distance[1, 2, 4]) == (-0.5, 0.5, 1.7)


def test_the_distance_of_an_empty_slice_is_that_of_the_image_not_of_the_cut():
    """Four of five readers outvote the one who drew nothing in the slice if he is 32 mm away, not if 180 mm."""
    whole = np.zeros((4, 128, 128), bool)
    whole[1:3, 10:30, 10:30] = True
    short = whole & (np.arange(4) == 1)[:, None, None]
    masks = dict.fromkeys("abcd", whole) | {"e": short}
    longest = diagonal_mm(whole.shape, (1, 1, 1))
    assert longest == pytest.approx(np.sqrt(2 * 128**2 + 16))
    everywhere = shape_based_average(masks, (1, 1, 1), surface="2d")
    for box in (np.s_[:, 9:31, 9:31], np.s_[:, 4:60, 4:60]):
        cut = {reader: mask[box] for reader, mask in masks.items()}
        found = shape_based_average(cut, (1, 1, 1), surface="2d", longest_mm=longest)
        np.testing.assert_array_equal(found, everywhere[box])
        np.testing.assert_array_equal(found, short[box])
    narrow = {reader: mask[:, 9:31, 9:31] for reader, mask in masks.items()}
    assert shape_based_average(narrow, (1, 1, 1), surface="2d")[2].any()


def test_masks_that_have_no_border_are_refused():
    """One reader alone has no bias, and nobody no average."""
    with pytest.raises(DataError, match="two readers or more"):
        border_fit({"a": ball(5), "b": ball(0)}, (1, 1, 1))
    with pytest.raises(DataError, match="no masks"):
        shape_based_average({}, (1, 1, 1))
    assert not shape_based_average({"a": ball(0)}, (1, 1, 1)).any()


def test_the_order_of_readers_does_not_move_the_average_border():
    """Where weighted distances cancel, rounding would decide by the order of the readers; such a voxel is outside."""
    near, far = np.array([[[1, 1, 1, 1, 0, 0, 0]]], bool), np.array([[[1, 1, 1, 0, 0, 0, 0]]], bool)
    for weights in itertools.product((0.1, 0.2, 0.3, 0.4, 0.6, 0.7), repeat=3):
        a, b, c = weights
        readers = [("a", far, a), ("b", far, b), ("c", near, a + b), ("d", near, c), ("e", far, c)]
        for order in (readers, readers[::-1], readers[2:] + readers[:2]):
            masks, own = {name: mask for name, mask, _ in order}, {name: weight for name, _, weight in order}
            assert shape_based_average(masks, (1, 1, 0.7), weights=own).tolist() == far.tolist()
