"""FROC of runs that keep probabilities."""

import numpy as np
import pytest
from scipy import ndimage

from ctbench.datasets import ALL_SIZES
from ctbench.report.frames.lesion_froc import MEAN_RATE, froc_points, froc_table
from ctbench.report.frames.lesions import lesion_sensitivity_table, lesion_tables
from ctbench.statistics.froc import RATES


@pytest.fixture
def tables(probability_run, blobs):
    """Lesions of a run with one probability in all its pieces."""
    return lesion_tables([probability_run], blobs, ("any", "cc"), leave_one_out=False)


def test_equal_confidences_are_one_step(tables):
    """Sensitivity is the pooled one from the rate of all false pieces on, and 0 below it; over all four cases."""
    pooled = lesion_sensitivity_table(tables.lesions)
    model = pooled["rater"].eq("unsure") & pooled["size_class"].eq(ALL_SIZES) & pooled["protocol"].eq("any")
    (whole,) = pooled[model].to_dict("records")
    found = froc_table(tables, resamples=20)
    assert set(found["protocol"]) == {"any"}
    assert set(found["cases"]) == {4}
    expected = [whole["sensitivity"] if whole["false_positives"] / 4 <= rate else 0 for rate in RATES]
    assert found["sensitivity"].tolist() == pytest.approx([*expected, np.mean(expected)])
    assert found["false_per_case"].iloc[-1] == MEAN_RATE
    assert froc_points(tables).iloc[-1][["false_per_case", "sensitivity"]].tolist() == pytest.approx(
        [whole["false_positives"] / 4, whole["sensitivity"]]
    )


def test_without_probabilities_there_is_no_curve(tables):
    """Marks of which one has no confidence cannot be ordered."""
    tables.lesions["confidence"] = np.nan
    assert froc_table(tables).empty


def test_the_confidence_of_a_piece_is_its_mean_probability(tables, probability_run, blobs):
    """Every predicted voxel has the stored .8, and so has every piece; missed lesions have none."""
    own = tables.lesions[tables.lesions["rater"].eq("unsure") & tables.lesions["protocol"].eq("any")]
    marked = own["outcome"].isin(["detected", "false_positive", "indeterminate"])
    assert own.loc[marked, "confidence"].tolist() == pytest.approx([204 / 255] * marked.sum())
    assert own.loc[~marked, "confidence"].isna().all()
    pieces = sum(ndimage.label(probability_run.prediction(case).array, np.ones((3, 3, 3)))[1] for case in "abcd")
    assert marked.sum() <= pieces + len(own)
