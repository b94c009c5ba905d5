import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctbench.consensus.patterns import ABSENT, Contested
from ctbench.consensus.readings import Readings
from ctbench.consensus.rules import BINARY_METHODS, METHODS, RULES, vote_counts

any_votes = arrays(np.int64, (6, 4), elements=st.integers(ABSENT, 2))


def contested(votes, codes=3):
    """The patterns with these votes, one voxel each."""
    votes = np.asarray(votes, np.int64)
    every = np.arange(len(votes))
    return Contested(at=every, place=every, votes=votes, codes=np.arange(codes))


def decide(method, votes, codes=3):
    """What a rule that looks at nothing but the pattern takes for each pattern; None where it is undecided."""
    found = contested(votes, codes)
    everyone = Readings(tuple("abcdefgh"[: found.votes.shape[1]]), (), np.ones((found.votes.shape[1], 1), bool))
    verdicts = RULES[method](everyone, found, "box")
    return [None if open_ else int(code) for code, open_ in zip(verdicts.chosen, verdicts.undecided, strict=True)]


def test_votes_are_counted_by_label_without_those_who_did_not_look():
    """Each row sums to the number of readers who annotated the slice."""
    counts = vote_counts(np.array([[0, 1, 1], [ABSENT, 2, 2], [ABSENT, ABSENT, ABSENT]]), 3)
    assert counts.tolist() == [[1, 2, 0], [0, 0, 2], [0, 0, 0]]


@given(any_votes)
def test_the_order_of_readers_does_not_matter(votes):
    """Every rule that has no memory of readers gives the same for readers in another order."""
    for method in ("majority", "plurality"):
        assert decide(method, votes) == decide(method, votes[:, ::-1])


@given(any_votes)
def test_what_has_a_majority_has_the_plurality(votes):
    """A label with more than half of the votes has the most."""
    for majority, plurality in zip(decide("majority", votes), decide("plurality", votes), strict=True):
        assert majority is None or majority == plurality


@pytest.mark.parametrize(
    ("votes", "majority", "plurality"),
    [
        ([1, 1, 0], 1, 1),
        ([1, 2, 0], None, None),
        ([1, 1, 2, 0, 0, 1], None, 1),
        ([0, 0, 1], 0, 0),
        ([1, 0], None, None),
        ([ABSENT, 1], 1, 1),
        ([ABSENT, ABSENT], 0, 0),
    ],
)
def test_patterns_that_can_be_counted_by_hand(votes, majority, plurality):
    """More than half against the most; a tie is undecided, and where nobody looked there is background."""
    assert decide("majority", [votes]) == [majority]
    assert decide("plurality", [votes]) == [plurality]


def test_union_and_intersection_are_any_and_all():
    """Readers who did not look neither add nor take away."""
    votes = [[1, 0], [1, 1], [0, 0], [ABSENT, 1], [ABSENT, 0], [ABSENT, ABSENT]]
    assert decide("union", votes, codes=2) == [1, 1, 0, 1, 0, 0]
    assert decide("intersection", votes, codes=2) == [0, 1, 0, 1, 0, 0]


def test_every_rule_has_its_name():
    """Names are those that a user types, in the order of the documentation; two of them need a single structure."""
    assert METHODS == tuple(RULES) == ("majority", "plurality", "staple", "simple", "union", "intersection")
    assert set(BINARY_METHODS) < set(METHODS)
