import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.statistics.forecasts import dice_match, dice_max, energy_distance

SAMPLES = [np.array([1, 1, 0, 0], bool), np.array([1, 1, 1, 1], bool)]
EMPTY = np.zeros(4, bool)


def test_two_samples_against_three_readers(readers):
    """2 x .375 - .25 - .296296 with the diagonal; the unbiased form is negative."""
    assert energy_distance(SAMPLES, readers) == pytest.approx(0.203704, abs=1e-6)
    assert energy_distance(SAMPLES, readers, diagonal=False) == pytest.approx(-0.194444, abs=1e-6)
    assert energy_distance(SAMPLES[:1], readers) == pytest.approx(0.370370, abs=1e-6)


def test_equal_sets_have_distance_0(readers):
    """With the diagonal it is 0 only for equal sets; without, one sample has no pair."""
    for distance in ("iou", "dice"):
        assert energy_distance(readers, readers, distance=distance) == pytest.approx(0)
    assert np.isnan(energy_distance(SAMPLES[:1], readers, diagonal=False))


def test_empty_masks(readers):
    """Two empty masks agree, unless they are left out by name; nothing but empty masks has no value."""
    some = [readers[0], EMPTY]
    assert energy_distance(some, some) == pytest.approx(0)
    assert energy_distance(some, some, empty_pairs="left_out") == pytest.approx(0)
    assert energy_distance([EMPTY], some) == pytest.approx(2 * 0.5 - 0 - 0.5)
    # Without pairs of empty masks the one sample has no pair.
    assert np.isnan(energy_distance([EMPTY], some, empty_pairs="left_out"))
    assert np.isnan(energy_distance([EMPTY], [EMPTY, EMPTY]))


def test_dice_max_is_the_best_reader_of_each_sample(readers):
    """Sample 1100 is a reader's own mask; 1111 is nearest to 1110 (6/7). The reverse asks for each reader's best."""
    assert dice_max(SAMPLES, readers) == pytest.approx((1 + 6 / 7) / 2)
    assert dice_max(readers, SAMPLES) == pytest.approx((6 / 7 + 1 + 4 / 6) / 3)
    assert np.isnan(dice_max([EMPTY], [EMPTY]))


def test_dice_match_pairs_one_to_one():
    """Both samples are nearest to the first reader, but only one may have it: .8 + 1 beats 1 + .5."""
    readers = [np.array([1, 1, 0, 0], bool), np.array([1, 0, 0, 0], bool)]
    samples = [np.array([1, 1, 0, 0], bool), np.array([1, 1, 1, 0], bool)]
    assert dice_match(samples, readers) == pytest.approx(max((1 + 0.5) / 2, (2 / 3 + 0.8) / 2))
    assert dice_match([EMPTY, samples[0]], [readers[0], EMPTY]) == 1


def test_wrong_arguments_are_refused(readers):
    """No masks, or an unknown word."""
    with pytest.raises(UsageError, match="one mask or more"):
        dice_max([], readers)
    with pytest.raises(UsageError, match="distance iou or dice"):
        energy_distance(readers, readers, distance="l2")
