import numpy as np
import pytest

from ctbench.errors import DataError
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
