"""Lesion candidates of hand-made masks whose clusters, parts, splits and merges are known."""

from itertools import permutations

import numpy as np
import pytest

from ctbench.agreement.candidates import find_candidates, lesion_consensus
from ctbench.errors import UsageError

SPACING = (5.0, 1.0, 1.0)


def rows(*spans, shape=(3, 5, 40)):
    """A mask of rows of voxels, each (z, first x, last x + 1), in the middle of the image's height."""
    mask = np.zeros(shape, bool)
    for z, begin, end in spans:
        mask[z, 2, begin:end] = True
    return mask


@pytest.fixture
def masks():
    """A lesion of all, one that is in one piece for a only, one that c misses, and one that c alone draws."""
    return {
        "a": rows((1, 2, 6), (1, 26, 36), (1, 12, 16)),
        "b": rows((1, 3, 7), (1, 26, 30), (1, 32, 36), (1, 12, 16)),
        "c": rows((1, 2, 7), (1, 26, 30), (1, 32, 36), (1, 20, 22)),
    }


def facts(candidates):
    """What is known of each candidate by the names of its readers, whatever the order of candidates and readers."""
    return {
        (
            one.verdict(),
            tuple(
                sorted(
                    zip(
                        one.readers, one.voxels.tolist(), one.splits().tolist(), one.merges().tolist(), one.read,
                        strict=True,
                    )
                )
            ),
        )
        for one in candidates
    }  # fmt: skip


def test_pieces_that_overlap_are_one_candidate(masks):
    """Four candidates, by the number of readers who found them and their size; a holds two of the others' parts."""
    wide, every, two, one = find_candidates(masks, SPACING)
    assert [candidate.found.tolist() for candidate in (wide, every, two, one)] == [
        [True, True, True],
        [True, True, True],
        [True, True, False],
        [False, False, True],
    ]
    assert wide.voxels.tolist() == [10, 8, 8]
    assert wide.parts.max() == 2
    assert (wide.merges().tolist(), wide.splits().tolist()) == ([1, 0, 0], [0, 0, 0])
    assert every.where == (slice(1, 2), slice(2, 3), slice(2, 7))
    assert np.array_equal(every.parts[0, 0], [1, 1, 1, 1, 1])
    assert [candidate.verdict() for candidate in (wide, every, two, one)] == ["lesion", "lesion", "lesion", "no lesion"]
    assert (two.verdict(3), two.verdict(2), one.verdict(1)) == ("no lesion", "lesion", "lesion")
    assert (two.slice, one.voxels.tolist()) == (1, [0, 0, 2])


def test_a_reader_who_draws_one_part_in_two_pieces_splits_it():
    """Two readers draw a row of ten voxels, the third leaves out two in its middle."""
    whole, halves = rows((0, 10, 20)), rows((0, 10, 14), (0, 16, 20))
    (found,) = find_candidates({"a": whole, "b": whole, "c": halves}, SPACING)
    assert (found.splits().tolist(), found.merges().tolist(), found.parts.max()) == ([0, 0, 1], [0, 0, 0], 1)


@pytest.mark.parametrize(("tolerance_mm", "candidates"), [(0.0, 3), (2.9, 3), (3.0, 2), (4.9, 2), (5.0, 1)])
def test_pieces_within_the_tolerance_are_one_candidate(tolerance_mm, candidates):
    """One gap of 3 mm along the row (two voxels between), one of 5 mm (the next slice); the limit itself is within."""
    masks = {"a": rows((0, 2, 6)), "b": rows((0, 8, 10), (1, 3, 4))}
    assert len(find_candidates(masks, SPACING, tolerance_mm=tolerance_mm)) == candidates


def test_pieces_of_one_reader_are_joined_through_others_only():
    """Nearer than the tolerance to each other, they remain two, until another reader draws between them."""
    two = rows((0, 2, 5), (0, 7, 10))
    assert len(find_candidates({"a": two, "b": rows()}, SPACING, tolerance_mm=5)) == 2
    assert len(find_candidates({"a": two, "b": rows((0, 4, 8))}, SPACING)) == 1


def test_neither_order_nor_flips_change_the_candidates(masks):
    """Every order of the readers and every flip of the image finds the same candidates."""
    expected = facts(find_candidates(masks, SPACING, tolerance_mm=3))
    assert len(expected) == 4
    for order in permutations(masks):
        assert facts(find_candidates({name: masks[name] for name in order}, SPACING, tolerance_mm=3)) == expected
    for axes in ((0,), (1,), (2,), (0, 1, 2)):
        flipped = {name: np.flip(mask, axes) for name, mask in masks.items()}
        assert facts(find_candidates(flipped, SPACING, tolerance_mm=3)) == expected


def test_a_reader_counts_where_he_read_half_of_the_candidate():
    """One of two slices is half and enough, one of three is too little; what he drew he has read."""
    two, three = rows((0, 2, 4), (1, 2, 4)), rows((0, 2, 4), (1, 2, 4), (2, 2, 4))
    marks = {"b": np.array([True, False, False])}
    (found,) = find_candidates({"a": two, "b": rows()}, SPACING, annotated=marks)
    assert (found.read.tolist(), found.verdict()) == ([True, True], "undecided")
    (found,) = find_candidates({"a": three, "b": rows()}, SPACING, annotated=marks)
    assert (found.read.tolist(), found.verdict(), found.verdict(2)) == ([True, False], "lesion", "undecided")
    (found,) = find_candidates({"a": three, "b": three}, SPACING, annotated=marks)
    assert (found.read.tolist(), found.voxels.tolist()) == ([True, True], [6, 2])


def test_the_consensus_has_lesions_that_most_readers_found(masks):
    """Inside a lesion its finders vote; without c, a tie of two leaves voxels and whole candidates undecided."""
    marks = dict.fromkeys(masks, np.ones(3, bool))
    reference = lesion_consensus(find_candidates(masks, SPACING), marks, (3, 5, 40))
    drawn = np.flatnonzero(reference.labels[1, 2]).tolist()
    assert drawn == [*range(2, 7), *range(12, 16), *range(26, 30), *range(32, 36)]
    assert not reference.excluded.any()
    pair = {name: masks[name] for name in "ac"}
    reference = lesion_consensus(find_candidates(pair, SPACING), marks, (3, 5, 40))
    assert np.flatnonzero(reference.labels[1, 2]).tolist() == [*range(2, 6), *range(26, 30), *range(32, 36)]
    assert np.flatnonzero(reference.excluded[1, 2]).tolist() == [6, *range(12, 16), 20, 21, 30, 31]
    strict = lesion_consensus(find_candidates(masks, SPACING), marks, (3, 5, 40), least=3)
    assert (strict.method, np.count_nonzero(strict.labels)) == ("lesions-of-3", 5 + 8)


def test_nothing_drawn_has_no_candidate():
    """Empty masks, and masks in slices that their reader did not annotate."""
    empty = rows()
    assert find_candidates({"a": empty, "b": empty}, SPACING) == []
    nowhere = {"a": np.zeros(3, bool)}
    assert find_candidates({"a": rows((0, 2, 4)), "b": empty}, SPACING, annotated=nowhere) == []


def test_a_negative_tolerance_is_refused():
    """The message says what was expected."""
    with pytest.raises(UsageError, match="expected 0 or a positive number"):
        find_candidates({"a": rows()}, SPACING, tolerance_mm=-1)
