"""Pictures of a training: eigenfunctions, accuracy by task, filters."""

import numpy as np
import pytest

from reference_models.deepnat.pictures import accuracy_rows, eigenfunction_sheet, filter_sheet


@pytest.fixture
def head():
    """A brain of 6 x 8 x 10 voxels in a field of 12, 14, 16, whose coordinates rise along z, y and x."""
    inside = np.zeros((12, 14, 16), bool)
    inside[3:9, 3:11, 3:13] = True
    axes = np.meshgrid(*(np.arange(size) - size / 2 + 0.5 for size in inside.shape), indexing="ij")
    return np.stack([np.where(inside, 0, -2), *(np.where(inside, axis, 0) for axis in axes)]).astype(np.float32)


def test_eigenfunctions_are_blue_to_red(head):
    """A row a brain; the coordinate along z is blue at the bottom and red at the top, outside is black."""
    sheet = eigenfunction_sheet([head, head])
    one = eigenfunction_sheet([head])
    assert sheet.shape == (2 * one.shape[0], one.shape[1], 3)
    first = one[: 12 * 3, : 14 * 3].astype(int)
    middle = first[:, 7 * 3]
    drawn = middle[middle.any(axis=1)]
    assert len(drawn) == 6 * 3
    assert drawn[0, 0] > drawn[0, 2]
    assert drawn[-1, 2] > drawn[-1, 0]
    assert not first[0].any()


def test_filters_stand_in_columns():
    """The largest weight of a filter is white or black, 0 is gray, and each of the 7 slices has a white frame."""
    weights = np.zeros((2, 1, 7, 7, 7), np.float32)
    weights[0, 0, 0, 0, 0], weights[1, 0, 0, 0, 0] = 0.5, -0.1
    sheet = filter_sheet(weights)
    assert sheet.shape == (7 * 8 * 8, 2 * 8 * 8, 3)
    assert (sheet[0, 0, 0], sheet[0, 8 * 8, 0], sheet[8, 8, 0]) == (255, 0, 127)


def test_accuracies_have_a_row_for_each_task_and_epoch():
    """The centre comes first, as the offsets of the tasks do."""
    rows = accuracy_rows([[0.5] * 7, [0.75] * 7])
    assert len(rows) == 14
    assert rows[7] == {"epoch": 2, "task": "0 0 0", "accuracy": 0.75}
