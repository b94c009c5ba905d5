import numpy as np
import pytest

from ctbench.metrics.voxels import bounding_boxes, count_voxels, fill_mask


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
        fill_mask(label_map, np.array(codes, np.uint8), np.array(start), mask, spans)
    padded = np.pad(np.isin(label_map, (3, 5, 7)), 10)
    np.testing.assert_array_equal(
        mask, padded[tuple(slice(s + 10, s + 10 + n) for s, n in zip(start, shape, strict=True))]
    )
    for row, span in zip(mask.reshape(-1, shape[2]), spans.reshape(-1, 2), strict=True):
        columns = np.flatnonzero(row)
        assert tuple(span) == ((columns[0], columns[-1] + 1) if columns.size else (shape[2], 0))


def test_count_voxels_as_sums(rng):
    """Counts by slice are NumPy's sums, without the margin and the uncounted voxels."""
    reference, prediction, uncounted = (rng.random((3, 5, 30, 40)) < 0.4).astype(np.uint8)
    inner = (slice(1, -1),) * 3
    for mask in (reference, prediction):
        mask[...] = np.pad(mask[inner], 1)
    for left_out in (uncounted, np.zeros((0, 0, 0), np.uint8)):
        counts = count_voxels(reference, prediction, left_out)
        counted = left_out[inner] == 0 if left_out.size else True
        for column, mask in enumerate((reference, prediction, reference & prediction)):
            np.testing.assert_array_equal(counts[1:-1, column], (mask[inner] * counted).sum(axis=(1, 2)))
        assert not counts[[0, -1]].any()
