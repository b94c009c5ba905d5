"""Panels of readers without files, and a study of the small dataset of blobs."""

import numpy as np
import pytest

from ctbench.agreement import study_readers
from ctbench.agreement.panel import Panel
from ctbench.consensus import fuse, leave_one_out
from ctbench.volume import Volume

SPACING = (2.0, 1.0, 1.0)


@pytest.fixture
def make_panel():
    """Put label maps side by side: reader -> z,y,x; annotated: reader -> z bool."""

    def make(label_maps, annotated=None, structures=None):
        first = next(iter(label_maps.values()))
        marks = {reader: np.ones(len(first), bool) for reader in label_maps} | (annotated or {})
        return Panel(
            case="toy",
            label_maps=label_maps,
            annotated=marks,
            structures=structures or {"box": (1,)},
            everyone=fuse(label_maps, annotated=marks),
            without=leave_one_out(label_maps, annotated=marks),
            grid=Volume(first, SPACING),
        )

    return make


@pytest.fixture
def shifted_panel(make_panel):
    """Three readers draw a box of 3 x 8 x 8 voxels, the second one voxel to the right, the third one to the left."""

    def box(start):
        labels = np.zeros((6, 16, 20), np.uint8)
        labels[1:4, 4:12, start : start + 8] = 1
        return labels

    return make_panel({"r1": box(6), "r2": box(7), "r3": box(5)})


@pytest.fixture
def study(blobs):
    """The study of the blobs: r2 and r3 draw what r1 draws, one voxel to the right and to the left."""
    return study_readers(blobs, jobs=1)


@pytest.fixture
def value_of():
    """Find the value of the one row that has all of these entries."""

    def find(rows, **wanted):
        records = rows if isinstance(rows, list) else rows.to_dict("records")
        (found,) = [row for row in records if all(row[key] == value for key, value in wanted.items())]
        return found["value"]

    return find
