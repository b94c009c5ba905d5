import numpy as np
import pytest

from ctbench.consensus import fuse
from ctbench.errors import DataError
from ctbench.labels import LabelSet
from ctbench.reference import Reference

SHAPE = (3, 2, 2)


def fields(**changes):
    """Give the fields of a reference in which every voxel counts, with changes."""
    good = {
        "labels": np.zeros(SHAPE, np.uint8),
        "excluded": np.zeros(SHAPE, bool),
        "annotated": np.ones(3, bool),
        "method": "majority",
        "readers": ("a",),
    }
    return good | changes


def test_of_one_label_map_everything_counts():
    """A single label map excludes nothing, and knows nothing of what else was possible."""
    labels = np.arange(12, dtype=np.int16).reshape(SHAPE)
    reference = Reference.of(labels)
    assert reference.labels is labels
    assert not reference.uncounted.any()
    assert (reference.method, reference.readers, reference.possible) == ("given", (), None)


def test_indeterminate_voxels_and_slices_without_annotation_do_not_count():
    """Both are uncounted, each voxel once."""
    excluded = np.zeros(SHAPE, bool)
    excluded[0, 0, 0] = excluded[2, 1, 1] = True
    reference = Reference(**fields(excluded=excluded, annotated=np.array([True, True, False])))
    assert reference.uncounted.sum() == 1 + 4
    assert reference.uncounted[2].all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": np.zeros(SHAPE)}, "must be 3D integers z,y,x, got float64"),
        ({"labels": np.zeros((2, 2), int)}, r"got int64 of shape \(2, 2\)"),
        ({"excluded": np.zeros((3, 2, 1), bool)}, r"excluded of a reference must be bool of shape \(3, 2, 2\)"),
        ({"excluded": np.zeros(SHAPE, np.uint8)}, "excluded .* got uint8"),
        ({"annotated": np.ones(2, bool)}, r"annotated of a reference must be bool of shape \(3,\)"),
        ({"possible": {7: np.zeros((1, 1, 1), bool)}}, r"possible\[7\] of a reference must be bool"),
        ({"labels": np.ones(SHAPE, int), "excluded": np.ones(SHAPE, bool)}, "must be 0 in excluded voxels"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, said):
    """Types, shapes, and a label where nothing counts."""
    with pytest.raises(DataError, match=said):
        Reference(**fields(**changes))


LABELS = LabelSet({"iph": 1, "ivh": 2, "sah": 5}, groups={"hemorrhage": ("iph", "ivh", "sah"), "deep": ("iph", "ivh")})


@pytest.mark.parametrize("stored", ["floats", "codes"])
@pytest.mark.parametrize("readers", [2, 3, 4, 5])
def test_shares_of_votes_make_the_reference_of_the_majority(readers, stored):
    """The same labels, indeterminate voxels, possible labels and groups as of the readers' masks, ties included."""
    random = np.random.default_rng(readers)
    truth = random.choice([0, 1, 2, 5], (4, 9, 9), p=[0.4, 0.2, 0.2, 0.2])
    maps = {
        f"r{number}": np.where(random.random(truth.shape) < 0.6, truth, random.choice([0, 1, 2, 5], truth.shape))
        for number in range(readers)
    }
    expected = fuse(maps, "majority", groups=LABELS)
    shares = {name: np.mean([own == code for own in maps.values()], axis=0) for name, code in LABELS.items()}
    if stored == "codes":
        shares = {name: np.rint(share * 255) / 255 for name, share in shares.items()}
    found = Reference.of_shares(shares, LABELS)
    assert expected.excluded.any()
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.excluded, expected.excluded)
    for code in LABELS.values():
        np.testing.assert_array_equal(found.possible_at[code], expected.possible_at[code])
    for name in LABELS.groups:
        own, theirs = (one.structure(name, LABELS.codes_of(name)) for one in (found, expected))
        np.testing.assert_array_equal(own.labels, theirs.labels)
        np.testing.assert_array_equal(own.excluded, theirs.excluded)


def test_shares_above_one_are_refused():
    """A reader gives a voxel one label; the message names the voxel."""
    shares = {"iph": np.full(SHAPE, 0.7), "ivh": np.zeros(SHAPE)}
    shares["ivh"][1, 0, 1] = 0.6
    with pytest.raises(DataError, match=r"iph, ivh sum to 1\.300 in voxel 1,0,1; expected at most 1"):
        Reference.of_shares(shares, LABELS)
