import numpy as np
import pytest

from ctbench.consensus import fuse
from ctbench.consensus.readings import Readings, contested
from ctbench.errors import LabelError


@pytest.mark.parametrize(
    ("types", "common"),
    [
        ((np.uint8, np.int16), np.int16),
        ((bool, np.uint16), np.uint16),
        ((np.uint8, np.int8), np.int16),
        ((np.uint64, np.int64), np.int64),
    ],
)
def test_maps_get_one_integer_type(row, types, common):
    """Readers' files may be of different types; none of them leads to floats."""
    readings = Readings.of([row(0, 1).astype(kind) for kind in types])
    assert {array.dtype for array in readings.maps} == {np.dtype(common)}
    assert all(array.ravel().tolist() == [0, 1] for array in readings.maps)


def test_panels_group_slices_by_who_annotated_them():
    """Every annotated slice is in one panel, with those who annotated it; the others are in none."""
    maps = {name: np.full((5, 1, 1), code, np.uint8) for name, code in (("a", 1), ("b", 2))}
    annotated = {"a": np.array([1, 1, 0, 1, 0], bool), "b": np.array([1, 0, 0, 1, 1], bool)}
    panels = {
        tuple(np.arange(5)[slices].tolist()): [int(array.max()) for array in present]
        for present, slices in Readings.of(maps, annotated).panels()
    }
    assert panels == {(0, 3): [1, 2], (1,): [1], (4,): [2]}


def test_readers_who_annotated_everything_are_one_panel_without_copies(row):
    """The usual case takes no memory: the panel's maps are the readers' own arrays."""
    a, b = row(1, 2), row(1, 3)
    ((maps, slices),) = Readings.of({"a": a, "b": b}).panels()
    assert slices == slice(None)
    assert all(np.shares_memory(given, taken) for given, taken in zip((a, b), maps, strict=True))


def test_some_of_the_readers(row):
    """Names, maps and slices of those who are chosen stay together."""
    annotated = {"b": np.array([False])}
    rest = Readings.of({"a": row(1), "b": row(2), "c": row(3)}, annotated).of_readers([1, 2])
    assert rest.readers == ("b", "c")
    assert [int(array[0, 0, 0]) for array in rest.maps] == [0, 3]
    assert rest.annotated.tolist() == [[False], [True]]


def test_contested_voxels(row):
    """A voxel is contested as soon as one map differs from the first; it is listed with the label of each map."""
    at, labels = contested([np.repeat(row(*drawn), 2, axis=0) for drawn in ((1, 1, 1), (1, 2, 1), (1, 1, 0))])
    assert at.tolist() == [1, 2, 4, 5]
    assert labels.tolist() == [[1, 1, 1, 1], [2, 1, 2, 1], [1, 0, 1, 0]]
    assert not contested([row(1, 2)])[0].size


def test_codes_from_2_to_the_63_are_an_error():
    """The message names the reader and the code."""
    array = np.zeros((2, 2, 2), np.uint64)
    array[0, 0, 0] = 2**63
    with pytest.raises(LabelError, match=f"reader1 holds the code {2**63}"):
        fuse([array, array])
