import numpy as np
import pytest

from ctbench.metrics.voxels import (
    bounding_boxes,
    classes_at,
    count_voxels,
    extend_boxes,
    fill_mask,
    indices_of,
    mark_differences,
    plane_boxes,
    planes_of_classes,
    put_planes,
)


@pytest.fixture
def rng():
    """Random numbers."""
    return np.random.default_rng(5)


@pytest.mark.parametrize("width", [1, 7, 8, 17])
@pytest.mark.parametrize("share", [0.02, 0.7])
def test_bounding_boxes_as_argwhere(width, share, rng):
    """Boxes of all classes are those of the voxels that NumPy finds, over several label maps."""
    label_maps = rng.integers(-1, 6, (2, 4, 9, width)).astype(np.int16) * (rng.random((2, 4, 9, width)) < share)
    classes = np.array([0, 2, 1, 0, 3], np.int32)  # code 5 and -1 are beyond the table
    boxes = np.tile(np.array([99, 0] * 3), (4, 1))
    for label_map in label_maps:
        bounding_boxes(label_map.astype(np.int16), classes, boxes)
    for code, number in ((1, 2), (2, 1), (4, 3)):
        where = np.argwhere(label_maps == code)[:, 1:]
        if len(where):
            np.testing.assert_array_equal(boxes[number][0::2], where.min(axis=0))
            np.testing.assert_array_equal(boxes[number][1::2], where.max(axis=0) + 1)
        else:
            assert boxes[number][1] == 0


@pytest.mark.parametrize("start", [(-1, -1, -1), (2, 3, 1), (1, -1, 4)])
def test_fill_mask_as_isin(start, rng):
    """A mask is what NumPy cuts out of the padded label map; spans are where each row begins and ends."""
    label_map = rng.integers(0, 12, (6, 8, 9), dtype=np.uint8)
    shape = (6, 7, 8)
    mask, spans = np.zeros(shape, np.uint8), np.tile(np.array([shape[2], 0], np.int32), (*shape[:2], 1))
    for codes in ([3, 5], [7]):
        fill_mask(label_map, np.array(codes, np.uint8), 5, np.array(start), mask, spans)
    padded = np.pad(np.isin(label_map, (3, 5, 7)), 10)
    np.testing.assert_array_equal(
        mask, 5 * padded[tuple(slice(s + 10, s + 10 + n) for s, n in zip(start, shape, strict=True))]
    )
    for row, span in zip(mask.reshape(-1, shape[2]), spans.reshape(-1, 2), strict=True):
        columns = np.flatnonzero(row)
        assert tuple(span) == ((columns[0], columns[-1] + 1) if columns.size else (shape[2], 0))


@pytest.mark.parametrize("planes", [1, 3, 8])
def test_count_voxels_as_sums(planes, rng):
    """Counts by plane and slice are NumPy's sums, without the margin and the uncounted voxels."""
    agreed, prediction = (rng.random((2, 5, 30, 40)) < 0.4) * np.uint8((1 << planes) - 1)
    contested = rng.integers(0, 1 << planes, (5, 30, 40)).astype(np.uint8)
    reference = np.where(np.arange(40) < 16, contested, agreed)
    uncounted = np.where(np.arange(40) > 24, contested, 0).astype(np.uint8)
    inner = (slice(1, -1),) * 3
    for mask in (reference, prediction):
        mask[...] = np.pad(mask[inner], 1)
    for left_out in (uncounted, np.zeros((0, 0, 0), np.uint8)):
        counts = count_voxels(reference, prediction, left_out, planes)
        for plane in range(planes):
            counted = (left_out[inner] >> plane & 1 == 0) if left_out.size else True
            for column, mask in enumerate((reference, prediction, reference & prediction)):
                held = mask[inner] >> plane & 1
                np.testing.assert_array_equal(counts[plane, 1:-1, column], (held * counted).sum(axis=(1, 2)))
        assert not counts[:, [0, -1]].any()


def test_put_planes_as_indexing(rng):
    """Single bits change where they are meant to, and spans grow with them."""
    mask, spans = np.full((3, 4, 8), 4, np.uint8), np.tile(np.array([3, 5], np.int32), (3, 4, 1))
    at = np.array([[1, 1, 2, 7], [2, 2, 3, 0], [3, 7, 8, 0]])
    put_planes(at, np.array([1, 2, 3, 3], np.uint8), 3, np.array([1, 1, 2]), mask, spans)
    expected = np.full((3, 4, 8), 4, np.uint8)
    expected[0, 1, 1], expected[0, 1, 5], expected[1, 2, 6] = 5, 6, 7
    np.testing.assert_array_equal(mask, expected)
    assert spans[0, 1].tolist() == [1, 6]
    assert spans[1, 2].tolist() == [3, 7]
    assert spans[2, 0].tolist() == [3, 5]


def test_mark_differences_as_not_equal(rng):
    """Marks are added where two label maps differ in a slice, of whatever types."""
    one = rng.integers(0, 3, (4, 9), dtype=np.uint8)
    other, marks = one.astype(np.int32), rng.random((4, 9)) < 0.1
    other[2, 3:6] += 1
    expected = marks | (one != other)
    mark_differences(one, other, marks)
    np.testing.assert_array_equal(marks, expected)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.int64])
def test_classes_of_single_voxels(dtype):
    """A code of the table has its class; a negative code, or one beyond it, has the class of code 0."""
    labels, at = np.array([3, 0, 100, 1, 2, -5]).astype(dtype), np.array([0, 2, 3, 5])
    classes = np.full(4, 77, np.uint16)
    classes_at(labels, at, np.array([0, 9, 8, 7], np.uint16), classes)
    assert classes.tolist() == [7, 0, 9, 0]


def test_extend_boxes_as_argwhere(rng):
    """Boxes of classes reach as far as the voxels that hold them in any label map."""
    at, classes = rng.integers(0, 20, (3, 50)), rng.integers(0, 4, (2, 50)).astype(np.uint16)
    boxes = np.tile(np.array([99, 0] * 3), (4, 1))
    extend_boxes(at, classes, boxes)
    for number in range(4):
        there = at[:, (classes == number).any(axis=0)]
        np.testing.assert_array_equal(boxes[number, 0::2], there.min(axis=1))
        np.testing.assert_array_equal(boxes[number, 1::2], there.max(axis=1) + 1)


def test_indices_as_numpy(rng):
    """Flat indices have NumPy's indices, in whatever order they come."""
    flat = np.concatenate([np.arange(0, 200, 3), rng.integers(0, 4 * 7 * 9, 50)])
    np.testing.assert_array_equal(indices_of(flat, (4, 7, 9)), np.unravel_index(flat, (4, 7, 9)))


def test_planes_of_classes_as_isin(rng):
    """A bit is set for each label map that holds one of the classes."""
    classes = rng.integers(0, 5, (3, 40)).astype(np.uint16)
    held = planes_of_classes(classes, np.array([2, 4], np.uint16))
    np.testing.assert_array_equal(held, (np.isin(classes, [2, 4]) * np.array([[1], [2], [4]])).sum(axis=0))


def test_plane_boxes_as_argwhere(rng):
    """Each plane has the box of its own voxels; one without any is inside out."""
    mask = (rng.integers(0, 4, (5, 6, 16)) * (rng.random((5, 6, 16)) < 0.02)).astype(np.uint8)
    spans = np.tile(np.array([0, 16], np.int32), (5, 6, 1))
    boxes = plane_boxes(mask, spans, 3)
    for plane in range(2):
        there = np.argwhere(mask >> plane & 1)
        np.testing.assert_array_equal(boxes[plane, 0::2], there.min(axis=0))
        np.testing.assert_array_equal(boxes[plane, 1::2], there.max(axis=0) + 1)
    assert (boxes[2, 0::2] > boxes[2, 1::2]).all()
