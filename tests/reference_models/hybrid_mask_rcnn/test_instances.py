"""True boxes from label maps."""

import pytest
import torch

from reference_models.hybrid_mask_rcnn.instances import find_instances


def label_map(*pieces, side=32):
    """One slice with rectangles (class, top, left, bottom, right)."""
    target = torch.zeros(1, side, side, dtype=torch.long)
    for code, top, left, bottom, right in pieces:
        target[0, top:bottom, left:right] = code
    return target


def boxes_of(instances, index=0):
    """The boxes of one slice, sorted."""
    return sorted(instances.boxes[index][instances.valid[index]].tolist())


def test_a_box_around_every_piece():
    """First row, first column, last row + 1, last column + 1; the numbers say which pixels are whose."""
    found = find_instances(label_map((1, 2, 3, 8, 9), (1, 20, 20, 25, 30)), gap_px=0)
    assert boxes_of(found) == [[2, 3, 8, 9], [20, 20, 25, 30]]
    for place in range(2):
        top, left, bottom, right = (int(side) for side in found.boxes[0, place])
        own = found.numbers[0] == place + 1
        assert own[top:bottom, left:right].all()
        assert own.sum() == (bottom - top) * (right - left)


@pytest.mark.parametrize(("gap", "joined"), [(0, False), (2, False), (3, True), (4, True)])
def test_near_pieces_are_one(gap, joined):
    """Four pixels lie between the two: pieces with a gap no wider than the limit are one instance."""
    found = find_instances(label_map((1, 4, 4, 8, 8), (1, 4, 12, 8, 16)), gap_px=gap)
    assert boxes_of(found) == ([[4, 4, 8, 16]] if joined else [[4, 4, 8, 8], [4, 12, 8, 16]])


def test_classes_are_kept_apart():
    """Pieces of two classes that touch are two instances."""
    found = find_instances(label_map((1, 4, 4, 8, 8), (2, 4, 8, 8, 12)), gap_px=4)
    assert boxes_of(found) == [[4, 4, 8, 8], [4, 8, 8, 12]]
    assert found.classes[0].tolist() == [1, 2]


@pytest.mark.parametrize(("row", "column"), [(10, 10), (0, 0), (31, 31), (0, 15)])
def test_one_pixel_has_a_box(row, column):
    """It is two pixels wide, holds the pixel, and lies in the slice."""
    found = find_instances(label_map((1, row, column, row + 1, column + 1)), gap_px=0)
    ((top, left, bottom, right),) = boxes_of(found)
    assert (bottom - top, right - left) == (2, 2)
    assert 0 <= top <= row < row + 1 <= bottom <= 32
    assert 0 <= left <= column < column + 1 <= right <= 32


def test_slices_have_places_for_the_fullest():
    """A slice without anything has only empty places; a step without anything has none."""
    both = torch.cat([label_map(), label_map((1, 2, 3, 8, 9), (1, 20, 20, 25, 30))])
    found = find_instances(both, gap_px=0)
    assert found.valid.tolist() == [[False, False], [True, True]]
    assert found.classes[0].tolist() == [0, 0]
    assert find_instances(label_map(), gap_px=4).boxes.shape == (1, 0, 4)
