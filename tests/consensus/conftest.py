"""Label maps of made-up readers."""

import numpy as np
import pytest


@pytest.fixture
def row():
    """A function that makes a label map of one slice and one row: ``row(0, 1, 2)``."""
    return lambda *codes: np.array([[codes]], np.uint8)


@pytest.fixture
def readers():
    """Five readers of 4 x 20 x 30 voxels with three blocks, each reader's shifted in his own way."""
    truth = np.zeros((4, 20, 30), np.uint8)
    truth[:, 2:8, 3:27], truth[1:, 10:18, 3:14], truth[:3, 10:18, 14:27] = 1, 2, 7
    shifts = [(0, 0, 0), (0, 1, 0), (0, 0, 2), (0, -1, 1), (1, 0, 0)]
    return {f"reader{k}": np.roll(truth, shift, (0, 1, 2)) for k, shift in enumerate(shifts, start=1)}
