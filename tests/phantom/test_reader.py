import itertools

import numpy as np
import pytest

from ctbench.consensus import fuse
from ctbench.errors import UsageError
from ctbench.phantom import ANATOMY_READERS, HEMORRHAGE_READERS, ReaderProfile, anatomy_labels, draw

SPACING = (6.0, 1.8, 1.8)
PERFECT = ReaderProfile(jitter_mm=0.0, wander_mm=0.0, miss=0.0, slip=0.0)


@pytest.fixture(scope="module")
def ball():
    """A ball of 25 mm radius in an otherwise empty image."""
    z, y, x = np.ogrid[-6:7, -20:21, -20:21]
    return ((z * 6.0) ** 2 + (y * 1.8) ** 2 + (x * 1.8) ** 2 < 25.0**2).astype(np.uint8)


def volume_ratio(truth, reader, seeds=8):
    """Mean volume that a reader draws, over the true one."""
    drawn = [np.count_nonzero(draw(truth, SPACING, reader, seed)) for seed in range(seeds)]
    return np.mean(drawn) / np.count_nonzero(truth)


def test_a_reader_without_faults_draws_the_truth(plain):
    """Nothing moves where nothing is drawn wrongly."""
    drawn = draw(plain.anatomy.array, plain.anatomy.spacing_mm, PERFECT, 1)
    np.testing.assert_array_equal(drawn, plain.anatomy.array)
    assert drawn.dtype == np.uint8


def test_the_same_seed_draws_the_same(plain):
    """A drawing is a function of truth, reader and seed; another day is another drawing."""
    reader = ReaderProfile()
    one, again, other = (draw(plain.anatomy.array, SPACING, reader, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.any(one != other)


def test_an_over_drawer_draws_more_and_an_under_drawer_less(ball):
    """The volume changes with the bias, in its direction and by about its size times the border."""
    ratios = [volume_ratio(ball, ReaderProfile(bias_mm=bias, slip=0.0)) for bias in (-0.6, -0.3, 0.0, 0.3, 0.6)]
    assert ratios == sorted(ratios)
    assert abs(ratios[2] - 1.0) < 0.02
    # A disc whose radius r grows by b gains 2 b / r; discs of a ball have a mean radius of about 0.8 of its own.
    assert ratios[3] - 1.0 == pytest.approx(2 * 0.3 / 20.0, rel=0.5)


def test_one_structure_can_have_a_bias_of_its_own():
    """The bias of a label replaces the reader's."""
    truth = np.zeros((4, 60, 60), np.uint8)
    truth[:, 10:25, 20:40], truth[:, 35:50, 20:40] = 1, 2
    reader = ReaderProfile(bias_mm=0.0, label_bias_mm={2: 0.7}, slip=0.0)
    drawn = np.array([draw(truth, SPACING, reader, seed) for seed in range(8)])
    gains = [np.count_nonzero(drawn == code) / np.count_nonzero(truth == code) / 8 for code in (1, 2)]
    assert gains[1] > gains[0] + 0.03


def test_neighbouring_border_voxels_err_together(ball):
    """Along the border, errors come in runs: they are far more alike than independent ones."""
    drawn = draw(ball, SPACING, ReaderProfile(jitter_mm=1.2, slip=0.0), 1)
    added = (drawn > 0) & (ball == 0)
    pairs = np.count_nonzero(added[:, :, 1:] & added[:, :, :-1]) + np.count_nonzero(added[:, 1:] & added[:, :-1])
    assert pairs / np.count_nonzero(added) > 0.5


def test_small_pieces_are_missed_and_large_ones_never(ball):
    """With certainty to miss, what is below the limit vanishes and what is above it stays."""
    truth = ball.copy()
    truth[2, 2:4, 2:4] = 1
    reader = ReaderProfile(jitter_mm=0.0, wander_mm=0.0, slip=0.0, miss=1.0, miss_below_ml=0.3)
    np.testing.assert_array_equal(draw(truth, SPACING, reader, 1), ball)


def test_a_slip_moves_a_structure_by_one_slice(ball):
    """With certainty to slip, a perfect hand draws the same shapes one slice off."""
    truth = np.where(np.arange(13)[:, None, None] % 12 == 0, 0, ball)
    reader = ReaderProfile(jitter_mm=0.0, wander_mm=0.0, miss=0.0, slip=1.0, slip_below_ml=1000.0)
    drawn = draw(truth, SPACING, reader, 1)
    assert np.array_equal(drawn[1:], truth[:-1]) or np.array_equal(drawn[:-1], truth[1:])


def test_what_is_missed_becomes_what_surrounds_it():
    """An overlooked piece inside another structure is drawn as that structure."""
    truth = np.ones((3, 20, 20), np.uint8)
    truth[1, 8:11, 8:11] = 2
    reader = ReaderProfile(jitter_mm=0.0, wander_mm=0.0, slip=0.0, miss=1.0, miss_below_ml=0.5)
    assert (draw(truth, SPACING, reader, 1) == 1).all()


def test_only_annotated_slices_are_drawn(plain):
    """The other slices stay empty."""
    annotated = np.zeros(plain.anatomy.shape[0], bool)
    annotated[[5, 9, 10]] = True
    drawn = draw(plain.anatomy.array, SPACING, ReaderProfile(), 1, annotated=annotated)
    np.testing.assert_array_equal(drawn.any(axis=(1, 2)), annotated)


def test_an_empty_scan_is_drawn_empty():
    """Nobody draws blood where there is none."""
    assert not draw(np.zeros((3, 8, 8), np.uint8), SPACING, ReaderProfile(), 1).any()


@pytest.fixture(scope="module")
def readings(several):
    """Truth and the three readers' label maps of three heads."""
    found = []
    for number, scan in enumerate(several[:3]):
        truth = scan.anatomy
        drawn = [
            draw(truth.array, truth.spacing_mm, reader, 10 * number + index)
            for index, reader in enumerate(ANATOMY_READERS.values())
        ]
        found.append((truth.array, drawn))
    return found


def test_three_readers_sometimes_disagree_all_three_ways(readings):
    """The share of indeterminate voxels is near the 1.1 % of Cai et al."""
    for _, drawn in readings:
        reference = fuse(drawn)
        shown = np.any([label_map > 0 for label_map in drawn], axis=0)
        assert 0.002 < np.count_nonzero(reference.excluded) / np.count_nonzero(shown) < 0.03


def test_readers_agree_as_the_papers_readers_do(readings, dice):
    """Mean pairwise Dice is in the range of the papers, and higher for the large structures than for the small."""
    pairwise = np.array(
        [
            np.mean([dice(a == code, b == code) for _, drawn in readings for a, b in itertools.combinations(drawn, 2)])
            for code in anatomy_labels.values()
        ]
    )
    assert 0.72 < pairwise.mean() < 0.95
    assert pairwise[0] > 0.88
    assert pairwise[0] > pairwise[anatomy_labels["septum_pellucidum"] - 1]


def test_the_majority_is_closer_to_the_truth_than_its_readers(readings, dice):
    """Fusing readers helps: on average over structures the majority beats the mean reader."""
    gains = []
    for truth, drawn in readings:
        majority = fuse(drawn).labels
        for code in anatomy_labels.values():
            single = np.mean([dice(label_map == code, truth == code) for label_map in drawn])
            gains.append(dice(majority == code, truth == code) - single)
    assert np.mean(gains) > 0.02


def test_the_readers_of_hemorrhage_have_biases_of_both_signs(bleeding):
    """Over the types, reader 1 draws less than the truth and reader 2 more."""
    totals = {}
    for name, reader in HEMORRHAGE_READERS.items():
        ratios = []
        for scan in bleeding.values():
            truth = scan.hemorrhage
            drawn = [np.count_nonzero(draw(truth.array, truth.spacing_mm, reader, seed)) for seed in range(4)]
            ratios.append(np.mean(drawn) / np.count_nonzero(truth.array))
        totals[name] = np.mean(ratios)
    assert totals["reader1"] < 1.0 < totals["reader2"]


@pytest.mark.parametrize("bad", [{"miss": 1.2}, {"slip": -0.1}, {"jitter_mm": -1.0}, {"smooth_mm": 0.0}])
def test_an_impossible_reader_is_refused(bad):
    """Chances are between 0 and 1, sizes are not negative."""
    with pytest.raises(UsageError, match="reader"):
        ReaderProfile(**bad)


def test_a_reader_may_take_a_type_for_another():
    """With a chance of 1 each piece changes its type and keeps its place; codes that are no types stay."""
    truth = np.zeros((4, 40, 40), np.uint8)
    truth[1:3, 5:12, 5:12], truth[1:3, 25:32, 25:32], truth[1:3, 5:12, 25:32] = 1, 2, 7
    faults = {"jitter_mm": 0.0, "wander_mm": 0.0, "miss": 0.0, "slip": 0.0, "types": (1, 2, 3)}
    drawn = draw(truth, SPACING, ReaderProfile(confuse=1.0, **faults), 1)
    types = np.isin(truth, (1, 2))
    assert (drawn[types] != truth[types]).all()
    assert set(np.unique(drawn[types])) <= {1, 2, 3}
    np.testing.assert_array_equal(drawn[~types], truth[~types])
    np.testing.assert_array_equal(draw(truth, SPACING, ReaderProfile(confuse=0.0, **faults), 1), truth)


def test_confusing_types_leaves_borders_as_they_were():
    """The hand of the reader does not depend on the chance: the same voxels are drawn."""
    truth = np.zeros((4, 40, 40), np.uint8)
    truth[1:3, 5:20, 5:20] = 1
    sure, unsure = (draw(truth, SPACING, ReaderProfile(confuse=chance, types=(1, 2)), 3) for chance in (0.0, 1.0))
    np.testing.assert_array_equal(sure > 0, unsure > 0)
    assert set(np.unique(unsure)) == {0, 2}


def test_a_chance_of_more_than_one_is_refused():
    """The message lists the chances."""
    with pytest.raises(UsageError, match=r"confuse of a reader are chances.*1\.5"):
        ReaderProfile(confuse=1.5)
