import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctbench.consensus import fuse, indeterminate_share, vote_share
from ctbench.errors import GeometryError

LABELS = {"one": 1, "two": 2, "three": 3}


def test_vote_share_by_hand(row):
    """All, two of three, and one of three votes; where nothing wins, the largest share that any label got."""
    maps = [row(1, 1, 0, 1), row(1, 1, 0, 2), row(1, 0, 0, 3)]
    share = vote_share(maps, fuse(maps))
    assert share.dtype == np.float32
    np.testing.assert_allclose(share.ravel(), [1, 2 / 3, 1, 1 / 3], rtol=1e-6)


def test_vote_share_is_of_the_reference_s_label(row):
    """A union may rest on one vote of three."""
    maps = [row(1, 0), row(0, 0), row(0, 0)]
    np.testing.assert_allclose(vote_share(maps, fuse(maps, "union")).ravel(), [1 / 3, 1], rtol=1e-6)


def test_vote_share_counts_those_who_annotated_the_slice():
    """One of one in a slice that another reader skipped, one of two where he did not, 0 where nobody looked."""
    maps = {"a": np.ones((3, 1, 1), np.uint8), "b": np.zeros((3, 1, 1), np.uint8)}
    annotated = {"a": np.array([True, True, False]), "b": np.array([True, False, False])}
    share = vote_share(maps, fuse(maps, annotated=annotated), annotated)
    assert share.ravel().tolist() == [0.5, 1.0, 0.0]


def test_indeterminate_share_by_hand(row):
    """Label 1 is drawn in three voxels of which one is a tie with label 2, label 3 by nobody."""
    maps = [row(1, 1, 0, 1, 0), row(1, 0, 0, 2, 0), row(1, 0, 0, 0, 0)]
    frame = indeterminate_share(maps, fuse(maps), LABELS)
    assert list(frame.columns) == ["label", "annotated_voxels", "indeterminate_voxels", "share"]
    assert frame["label"].tolist() == ["one", "two", "three", "overall"]
    assert frame["annotated_voxels"].tolist() == [3, 1, 0, 3]
    assert frame["indeterminate_voxels"].tolist() == [1, 1, 0, 1]
    np.testing.assert_allclose(frame["share"], [1 / 3, 1, np.nan, 1 / 3])


@given(
    st.lists(arrays(np.int16, (3, 3, 4), elements=st.integers(0, 4)), min_size=3, max_size=3),
    arrays(bool, (3, 3)),
)
def test_shares_counted_voxel_by_voxel(maps, slices):
    """The fast way gives what counting each voxel gives, for readers with any slices and a label outside the set."""
    annotated = {f"reader{k}": marks for k, marks in enumerate(slices, start=1)}
    reference = fuse(maps, annotated=annotated)
    frame = indeterminate_share(maps, reference, LABELS, annotated).set_index("label")
    share = vote_share(maps, reference, annotated)
    drawn = {name: [0, 0] for name in (*LABELS, "overall")}
    for at in np.ndindex(3, 3, 4):
        votes = [int(array[at]) for array, marks in zip(maps, slices, strict=True) if marks[at[0]]]
        names = [name for name, code in LABELS.items() if code in votes]
        for name in names + ["overall"] * bool(names):
            drawn[name][0] += 1
            drawn[name][1] += int(reference.excluded[at])
        agreeing = max(map(votes.count, votes), default=0)
        assert share[at] == pytest.approx(agreeing / max(1, len(votes)), abs=1e-6)
    for name, (voxels, indeterminate) in drawn.items():
        assert frame.loc[name, "annotated_voxels"] == voxels
        assert frame.loc[name, "indeterminate_voxels"] == indeterminate


@pytest.mark.parametrize("function", [vote_share, lambda *args: indeterminate_share(*args, LABELS)])
def test_a_reference_of_another_shape_is_refused(row, function):
    """Both shapes are named."""
    with pytest.raises(GeometryError, match=r"reference has shape \(1, 1, 2\), the readers' label maps \(1, 1, 3\)"):
        function([row(1, 1, 1)], fuse([row(1, 1)]))


def test_vote_share_counts_readers_by_weight_and_who_was_asked(row):
    """One reader weighs 2, and c was not asked for label 2: he leaves its denominator, also where he drew nothing.

    Of the two who were asked a has 2/3 of the weight; in the last voxel 3/4 are against label 1 and 2/3 against 2.
    """
    maps = {"a": row(1, 2, 2, 0), "b": row(1, 2, 0, 1), "c": row(0, 0, 0, 0)}
    rules = {"asked": {"c": [1]}, "weights": {"a": 2.0}}
    reference = fuse(maps, **rules)
    assert reference.labels.ravel().tolist() == [1, 2, 2, 0]
    np.testing.assert_allclose(vote_share(maps, reference, **rules).ravel(), [3 / 4, 1, 2 / 3, 2 / 3], rtol=1e-6)
    np.testing.assert_allclose(vote_share(maps, reference).ravel(), [2 / 3, 2 / 3, 1 / 3, 2 / 3], rtol=1e-6)
