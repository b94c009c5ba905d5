import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.statistics.forecasts import PRESETS, minimum_dice, product_dice, threshold_dice

SHARES = [1, 2 / 3, 2 / 3, 0]


def test_product_and_minimum_form(outcomes_of):
    """Four voxels, of which the readers' shares are 1, 2/3, 2/3, 0."""
    found = outcomes_of([0.95, 0.6, 0.4, 0.15], SHARES)
    assert float(product_dice(found)) == pytest.approx(0.729323, abs=1e-6)
    assert float(minimum_dice(found)) == pytest.approx(0.879699, abs=1e-6)


def test_the_product_form_punishes_a_perfect_map(outcomes_of):
    """.810 for the share with itself, where the minimum form is 1."""
    perfect = outcomes_of(SHARES, SHARES)
    assert float(product_dice(perfect)) == pytest.approx(0.8095, abs=1e-4)
    assert float(minimum_dice(perfect)) == pytest.approx(1)


@pytest.mark.parametrize("preset", PRESETS)
def test_thresholds_cut_both_maps(outcomes_of, many, preset):
    """Each preset is the mean of the Dice of both binary maps at its thresholds, by > in both."""
    p, y = many
    share = (y + np.roll(y, 3) + np.roll(y, 9)) / 3
    dice = []
    for threshold in PRESETS[preset]:
        one, other = p > threshold, share > threshold
        dice.append(2 * (one & other).sum() / (one.sum() + other.sum()))
    found = threshold_dice(outcomes_of(p, share), preset)
    assert float(found.value) == pytest.approx(np.mean(dice))
    assert int(found.thresholds) == len(PRESETS[preset])


def test_curvas_thresholds_are_evenly_spaced():
    """Six from .1 to .8."""
    assert PRESETS["curvas-2025"] == pytest.approx(np.linspace(0.1, 0.8, 6))


def test_thresholds_at_which_both_are_empty_are_left_out(outcomes_of):
    """They count neither as 1 nor as 0, and how many remain is told."""
    found = threshold_dice(outcomes_of([0.45, 0], [0.4, 0]), "mbh-seg")
    assert (float(found.value), int(found.thresholds)) == (1, 2)
    nothing = threshold_dice(outcomes_of([0.05, 0], [0, 0]), "mbh-seg")
    assert np.isnan(nothing.value)
    assert int(nothing.thresholds) == 0
    with pytest.raises(UsageError, match="one of qubiq, mbh-seg, curvas-2025"):
        threshold_dice(outcomes_of([0.5], [1]), "brats")
