import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.metrics import confusion, score
from ctbench.reference import Reference


def matrix(frame, column="voxels"):
    """Give the matrix of a long frame, rows and columns in its order."""
    names = frame.reference.unique()
    return frame.pivot(index="reference", columns="prediction", values=column).loc[names, names].to_numpy()


def test_as_numpy(blobs):
    """Counts are NumPy's, in the order of the names, with other codes as background."""
    reference, prediction = blobs(0), blobs(1)
    found = confusion(reference, prediction, labels={"c": 3, "a": 1})
    assert list(found.columns) == ["reference", "prediction", "voxels", "percent"]
    assert found.reference.unique().tolist() == ["background", "c", "a"]
    number = np.array([0, 2, 0, 1])
    expected = np.zeros((3, 3), int)
    np.add.at(expected, (number[reference], number[prediction]), 1)
    np.testing.assert_array_equal(matrix(found), expected)
    np.testing.assert_allclose(matrix(found, "percent"), 100 * expected / expected.sum(axis=1, keepdims=True))


def test_percent_of_the_diagonal_is_sensitivity(blobs, values):
    """What stays in its class is the sensitivity of that class."""
    labels = {"a": 1, "b": 2, "c": 3}
    found = confusion(blobs(0), blobs(1), labels=labels)
    same = found[found.reference == found.prediction].set_index("reference").percent
    for label in labels:
        scores = score(blobs(0), blobs(1), spacing_mm=(1, 1, 1), labels=labels, metrics=["sensitivity"])
        assert same[label] == pytest.approx(100 * values(scores, label)["sensitivity"])


def test_uncounted_voxels_are_left_out(blobs):
    """Excluded voxels and slices that nobody annotated are in no class."""
    labels, prediction, excluded = blobs(0), blobs(1), blobs(2) == 1
    annotated = np.arange(len(labels)) % 3 > 0
    reference = Reference(np.where(excluded, 0, labels), excluded, annotated, "majority", ())
    counted = ~reference.uncounted
    expected = np.zeros((4, 4), int)
    np.add.at(expected, (labels[counted], prediction[counted]), 1)
    np.testing.assert_array_equal(matrix(confusion(reference, prediction, labels={"a": 1, "b": 2, "c": 3})), expected)


def test_empty_classes_have_no_percent(blobs):
    """A class that the reference does not hold has counts of 0 and no percentage."""
    found = confusion(blobs(0), blobs(1), labels=LabelSet({"a": 1, "none": 9}, groups={"both": ("a", "none")}))
    none = found[found.reference == "none"]
    assert (none.voxels == 0).all()
    assert none.percent.isna().all()
    assert "both" not in set(found.reference)


@pytest.mark.parametrize("labels", [{"a": 1, "b": 1}, {"background": 1}, {"a": 0}])
def test_what_makes_no_classes_is_refused(labels, blobs):
    """Classes need a name and a positive code of their own."""
    with pytest.raises(UsageError, match="a positive code of its own"):
        confusion(blobs(0), blobs(1), labels=labels)
