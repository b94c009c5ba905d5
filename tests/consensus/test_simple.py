"""SIMPLE on readers whose Dice, weights and result are known."""

from itertools import permutations

import numpy as np
import pytest

from ctbench.consensus import fuse
from ctbench.consensus.patterns import VotePatterns
from ctbench.consensus.simple import simple_weights

EVERYONE = np.ones((3, 2), bool)


def patterns(votes, counts, codes=(0, 1)):
    """Vote patterns of one group of voxels."""
    return VotePatterns(np.array(votes), np.array([counts], float), np.array(codes))


def test_readers_weigh_as_their_dice_with_the_result():
    """Two readers draw the same 100 voxels, the third 90 of them and 20 others: Dice 1, 1 and 180/210."""
    own = patterns([[1, 1, 1], [1, 1, 0], [0, 0, 1], [0, 0, 0]], [90, 10, 20, 500])
    weights = simple_weights(own, EVERYONE)
    np.testing.assert_allclose(weights[:, 1], [1, 1, 180 / 210])
    assert weights[:, 0].tolist() == [1, 1, 1]


def test_a_reader_far_below_the_best_is_dropped():
    """60 of 100 voxels and 40 others are a Dice of .6: above the first limit, below the last."""
    own = patterns([[1, 1, 1], [1, 1, 0], [0, 0, 1], [0, 0, 0]], [60, 40, 40, 500])
    np.testing.assert_allclose(simple_weights(own, EVERYONE)[:, 1], [1, 1, 0])


def test_dropping_a_reader_changes_the_consensus():
    """Five readers: d and e draw elsewhere, with a tie-breaking vote in 10 voxels that only c draws of a, b and c.

    By majority these 10 belong to the structure (c, d, e); without d and e they do not.
    """
    codes = {"core": "abc", "edge": "cde", "away": "de", "back": ""}
    sizes = {"core": 100, "edge": 10, "away": 150, "back": 300}
    maps = {
        reader: np.concatenate([np.full(sizes[name], int(reader in who), np.uint8) for name, who in codes.items()])
        for reader in "abcde"
    }
    maps = {reader: row.reshape(1, 1, -1) for reader, row in maps.items()}
    assert np.count_nonzero(fuse(maps).labels) == 110
    reference = fuse(maps, "simple")
    assert np.count_nonzero(reference.labels) == 100
    assert not reference.excluded.any()
    for order in list(permutations("abcde"))[::17]:
        again = fuse({reader: maps[reader] for reader in order}, "simple")
        np.testing.assert_array_equal(again.labels, reference.labels)


def test_two_readers_remain_equal(row):
    """Where they differ the consensus is undecided, which is no evidence about either."""
    reference = fuse({"a": row(1, 1, 1, 0), "b": row(1, 0, 0, 1)}, "simple")
    assert reference.labels.ravel().tolist() == [1, 0, 0, 0]
    assert reference.excluded.ravel().tolist() == [False, True, True, True]


def test_readers_are_judged_label_by_label():
    """C is good in label 1 and elsewhere in label 2; codes may have gaps."""
    first, second, other = (np.zeros((1, 1, 60), np.uint8) for _ in range(3))
    first[..., :20] = second[..., :20] = other[..., :20] = 3
    first[..., 30:40] = second[..., 30:40] = other[..., 45:55] = 7
    reference = fuse([first, second, other], "simple")
    np.testing.assert_array_equal(reference.labels, first)
    votes = [[1, 1, 1], [2, 2, 0], [0, 0, 2], [0, 0, 0]]
    weights = simple_weights(patterns(votes, [20, 10, 10, 20], (0, 3, 7)), np.ones((3, 3), bool))
    np.testing.assert_allclose(weights[:, 1:], [[1, 1], [1, 1], [1, 0]])


def test_a_reader_who_was_not_asked_has_no_weight(row):
    """Of the two who were asked one draws the label: undecided, though two of three drew nothing."""
    maps = {"a": row(1, 1, 0), "b": row(1, 0, 0), "c": row(0, 0, 0)}
    reference = fuse(maps, "simple", asked={"c": []})
    assert reference.labels.ravel().tolist() == [1, 0, 0]
    assert reference.excluded.ravel().tolist() == [False, True, False]


@pytest.mark.parametrize("readers", [1, 2, 3])
def test_nobody_agrees(row, readers):
    """Of one reader it is his label map; disjoint masks have no majority, and nobody is dropped for that."""
    maps = [row(1, 0, 0, 0), row(0, 1, 0, 0), row(0, 0, 1, 0)][:readers]
    reference = fuse(maps, "simple")
    assert np.count_nonzero(reference.labels) == (1 if readers == 1 else 0)
    assert np.count_nonzero(reference.excluded) == (2 if readers == 2 else 0)
