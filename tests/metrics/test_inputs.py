import numpy as np
import pytest

from ctbench.errors import DataError, GeometryError
from ctbench.metrics.inputs import as_comparison, as_label_map, as_spacing
from ctbench.reference import Reference


@pytest.mark.parametrize(
    ("dtype", "plain"),
    [
        (bool, np.uint8),
        (np.int8, np.int16),
        (np.uint8, np.uint8),
        (np.int16, np.int16),
        (np.uint32, np.int64),
        (np.int64, np.int64),
        (np.uint64, np.int64),
        (">i2", np.int16),
    ],
)
def test_every_integer_type_keeps_its_values(dtype, plain):
    """Whatever the type and byte order, the values are the same in one of the few types of the loops."""
    array = (np.arange(24).reshape(2, 3, 4) % 2).astype(dtype)
    found = as_label_map(array, "labels")
    assert found.dtype == plain
    np.testing.assert_array_equal(found, array)


def test_any_memory_layout_becomes_c_order_and_read_only():
    """A transposed view is copied; nobody can write to the result, and the caller's array stays writeable."""
    array = np.arange(24, dtype=np.int16).reshape(4, 3, 2).T
    found = as_label_map(array, "labels")
    assert found.flags.c_contiguous
    assert not found.flags.writeable
    assert array.flags.writeable
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    "array",
    [
        [[[1]]],
        np.zeros((2, 2, 2)),
        np.zeros((2, 2), int),
        np.zeros((2, 0, 2), int),
        np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (32_001, 1, 1), (0, 0, 0)),
    ],
)
def test_what_is_no_label_map_is_refused_with_its_name(array):
    """Lists, floats, another number of axes, nothing at all and an axis beyond 16 bits."""
    with pytest.raises(DataError, match="mine"):
        as_label_map(array, "mine")


def test_two_arrays_make_a_pair_in_which_every_voxel_counts():
    """Codes are sorted, and nothing is excluded."""
    array = np.ones((2, 3, 4), np.uint8)
    comparison = as_comparison([array], array, [3, 1])
    np.testing.assert_array_equal(comparison.references[0].labels, array)
    assert comparison.references[0].excluded is None
    assert comparison.codes == [1, 3]


def test_excluded_voxels_come_along_where_there_are_any():
    """A reference on which everybody agreed costs no mask."""
    labels = np.ones((2, 3, 4), np.uint8)
    excluded = np.zeros(labels.shape, bool)
    whole = Reference(labels, excluded, np.ones(2, bool), "majority", ("a", "b"))
    assert as_comparison([whole], labels, [1]).references[0].excluded is None
    excluded = excluded.copy()
    excluded[0, 0, 0] = True
    part = Reference(np.where(excluded, 0, labels), excluded, np.ones(2, bool), "majority", ("a", "b"))
    np.testing.assert_array_equal(as_comparison([whole, part], labels, [1]).references[1].excluded, excluded)


def test_two_shapes_are_refused_with_both():
    """The message has the shape of the prediction and that of the reference."""
    with pytest.raises(GeometryError, match=r"\(2, 3, 5\).*\(2, 3, 4\)"):
        as_comparison([np.zeros((2, 3, 5), int), np.zeros((2, 3, 4), int)], np.zeros((2, 3, 5), int), [1])


def test_a_spacing_is_three_positive_numbers():
    """NumPy arrays become floats; anything else is refused."""
    assert as_spacing(np.array([5, 1, 1])) == (5.0, 1.0, 1.0)
    for wrong in ((1, 1), (1, 1, 0), (1, -1, 1), (1, float("nan"), 1), (1, 1, float("inf"))):
        with pytest.raises(DataError, match="spacing_mm"):
            as_spacing(wrong)


def test_codes_from_2_to_the_63_are_an_error():
    """A code that no signed integer holds is refused with its value, not scored as if it were absent."""
    array = np.zeros((2, 2, 2), np.uint64)
    array[0, 0, 0] = 2**63 + 5
    with pytest.raises(DataError, match=str(2**63 + 5)):
        as_label_map(array, "prediction")
