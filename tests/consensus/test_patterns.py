import numpy as np
import pytest

from ctbench.consensus.patterns import ABSENT, contested_patterns, patterns_of, pool
from ctbench.consensus.patterns import count_patterns as count
from ctbench.consensus.readings import Readings
from ctbench.errors import GeometryError, UsageError


def count_patterns(readings, domain="box"):
    """The patterns of all voxels of the domain."""
    return count(readings, contested_patterns(readings), domain)


def table(patterns):
    """Votes -> number of voxels, without patterns that no voxel has."""
    totals = {}
    for votes, number in zip(patterns.votes.tolist(), patterns.counts.sum(axis=0), strict=True):
        totals[tuple(votes)] = totals.get(tuple(votes), 0) + number
    return {votes: number for votes, number in totals.items() if number}


def test_an_image_s_patterns_are_its_voxels_votes(readers):
    """Over the whole image each pattern is counted as often as its votes stand in the label maps."""
    codes = np.array([0, 1, 2, 7])
    votes = np.stack([np.searchsorted(codes, array).ravel() for array in readers.values()], axis=1)
    kinds, numbers = np.unique(votes, axis=0, return_counts=True)
    readings = Readings.of(readers)
    assert table(count_patterns(readings, "image")) == dict(zip(map(tuple, kinds.tolist()), numbers, strict=True))
    found = contested_patterns(readings)
    np.testing.assert_array_equal(found.at, np.flatnonzero((votes != votes[:, :1]).any(axis=1)))
    np.testing.assert_array_equal(found.votes[found.place], votes[found.at])


def test_counts_are_by_slice(readers):
    """A group is a slice, so that leaving out a group is leaving out a slice."""
    whole = count_patterns(Readings.of(readers), "image")
    one_less = {name: np.delete(array, 2, axis=0) for name, array in readers.items()}
    expected = count_patterns(Readings.of(one_less), "image")
    assert table(whole.without_group(2)) == table(expected)


def test_a_box_has_a_margin_of_one_voxel_even_beyond_the_image():
    """A cube of 2 voxels has 4 x 4 x 4 in its box, in the middle of an image and in its corner."""
    cube = np.zeros((6, 6, 6), np.uint8)
    cube[2:4, 2:4, 2:4] = 1
    for array in (cube, cube[2:, 2:, 2:], cube[2:4, 2:4, 2:4]):
        counted = count_patterns(Readings.of([array, array]))
        assert table(counted) == {(1, 1): 8, (0, 0): 56}


def test_a_mask_counts_background_where_it_is_and_all_that_was_drawn():
    """Voxels of the mask are background, drawn ones count inside and outside of it."""
    drawn = np.zeros((2, 4, 4), np.uint8)
    drawn[0, :2, :2] = 1
    mask = np.zeros(drawn.shape, bool)
    mask[:, 1:3, 1:3] = True
    counted = count_patterns(Readings.of([drawn, drawn]), mask)
    assert table(counted) == {(1, 1): 4, (0, 0): 7}


def test_an_unread_slice_is_no_vote():
    """A reader who did not annotate a slice is absent there, and the label map's own content does not count."""
    drawn = np.ones((2, 1, 1), np.uint8)
    counted = count_patterns(Readings.of([drawn, drawn], {"reader2": np.array([True, False])}), "image")
    assert table(counted) == {(1, 1): 1, (1, ABSENT): 1}


def test_cases_with_other_readers_and_codes_are_pooled():
    """Votes are renumbered to the codes of all cases; who did not read a case is absent there."""
    one = count_patterns(Readings.of({"ann": np.full((1, 1, 2), 3), "bob": np.full((1, 1, 2), 3)}), "image")
    two = count_patterns(Readings.of({"bob": np.full((1, 1, 5), 1)}), "image")
    pooled = pool([one, two], [["ann", "bob"], ["bob"]], ["ann", "bob"])
    assert pooled.codes.tolist() == [0, 1, 3]
    assert table(pooled) == {(2, 2): 2, (ABSENT, 1): 5}
    assert pooled.counts.sum(axis=1).tolist() == [2, 5]


def test_many_readers_and_codes_do_not_overflow():
    """Forty readers with thirty codes have more possible patterns than integers; each is still told apart."""
    rng = np.random.default_rng(0)
    votes = rng.integers(0, 2, (40, 50)).astype(np.int8)
    assert len(patterns_of(votes).votes) == 50


def test_a_domain_is_named_or_a_mask_of_the_image_s_shape(readers):
    """Anything else is refused with what was expected."""
    readings = Readings.of(readers)
    with pytest.raises(UsageError, match="unknown domain 'brain'; expected 'box', 'image' or a mask"):
        count_patterns(readings, "brain")
    with pytest.raises(GeometryError, match=r"domain has shape \(2, 2, 2\)"):
        count_patterns(readings, np.ones((2, 2, 2), bool))
