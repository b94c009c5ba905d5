"""Numbered structures."""

import numpy as np

from ctbench.report.frames.masks import numbered


def test_numbered_by_hand():
    """Codes that the label map does not hold have no effect; of a code in two structures the last counts."""
    assert numbered(np.array([0, 1, 2, 3]), [(1, 2), (9,), (2,)]).tolist() == [0, 1, 3, 0]
