import numpy as np
import pandas as pd
import pytest

from ctbench.report.frames.sizes import size_points


@pytest.fixture
def tidy():
    """Dice and volumes of one rater: two cases of a structure, of which one has no Dice, and one of another."""
    rows = [
        ("net", "a", "c1", "dice", 0.5),
        ("net", "a", "c2", "dice", np.nan),
        ("net", "b", "c1", "dice", 0.9),
        ("net", "a", "c1", "reference_volume_ml", 10.0),
        ("net", "a", "c2", "reference_volume_ml", 30.0),
        ("net", "b", "c1", "reference_volume_ml", 2.0),
    ]
    return pd.DataFrame(rows, columns=["rater", "label", "case", "metric", "value"])


def test_means_go_over_the_cases_that_have_both(tidy):
    """A case without a score adds nothing to the mean volume either."""
    points = size_points(tidy).set_index("label")
    assert points.loc["a", ["volume_ml", "value", "n"]].tolist() == [10.0, 0.5, 1]
    assert points.loc["b", ["volume_ml", "value", "n"]].tolist() == [2.0, 0.9, 1]


def test_cases_stand_for_themselves(tidy):
    """Each with its own volume, and n of 1."""
    points = size_points(tidy, "cases")
    assert points[["label", "case", "volume_ml", "value", "n"]].to_numpy().tolist() == [
        ["a", "c1", 10.0, 0.5, 1],
        ["b", "c1", 2.0, 0.9, 1],
    ]
