"""FROC and average precision of runs with probabilities or boxes."""

import numpy as np
import pytest
from scipy import ndimage

from ctbench.datasets import ALL_SIZES
from ctbench.report.frames.lesion_froc import MEAN_RATE, average_precisions, froc_curves, froc_table
from ctbench.report.frames.lesions import lesion_sensitivity_table, lesion_tables
from ctbench.statistics.froc import RATES


@pytest.fixture
def tables(probability_run, blobs):
    """Lesions of a run with one probability in all its pieces."""
    return lesion_tables([probability_run], blobs, ("any", "picai", "cc"), leave_one_out=False)


def test_equal_confidences_are_one_step(tables):
    """Sensitivity is the pooled one from the rate of all false pieces on, and 0 below it; over all four cases."""
    pooled = lesion_sensitivity_table(tables.lesions)
    model = pooled["rater"].eq("unsure") & pooled["size_class"].eq(ALL_SIZES) & pooled["protocol"].eq("any")
    (whole,) = pooled[model].to_dict("records")
    both = froc_table(tables, resamples=20)
    assert set(both["protocol"]) == {"any", "picai"}
    found = froc_table(tables, protocols=["any"], resamples=20)
    assert set(found["cases"]) == {4}
    expected = [whole["sensitivity"] if whole["false_positives"] / 4 <= rate else 0 for rate in RATES]
    assert found["sensitivity"].tolist() == pytest.approx([*expected, np.mean(expected)])
    assert found["false_per_case"].iloc[-1] == MEAN_RATE


def test_the_curve_goes_through_the_rates_of_the_table(tables):
    """Sensitivity and interval at 1/8 to 8 false marks per case are those of the table."""
    curves = froc_curves(tables, protocols=["any"], resamples=20)
    at_rates = froc_table(tables, protocols=["any"], resamples=20).iloc[:-1]
    own = curves[curves["false_per_case"].isin(RATES)]
    for name in ("sensitivity", "low", "high"):
        assert own[name].tolist() == at_rates[name].tolist()


def test_average_precision_of_one_step(tables):
    """One confidence: precision of all marks times sensitivity, under PI-CAI's matches."""
    own = tables.cases[tables.cases["protocol"].eq("picai") & tables.cases["rater"].eq("unsure")]
    hits, lesions, false = own["detected"].sum(), own["lesions"].sum(), own["false_positives"].sum()
    (found,) = average_precisions(tables, protocols=["picai"], resamples=0).to_dict("records")
    assert hits > 0
    assert found["average_precision"] == pytest.approx(hits / (hits + false) * hits / lesions)


def test_without_probabilities_there_is_no_curve(tables):
    """Marks of which one has no confidence cannot be ordered."""
    tables.marks["confidence"] = np.nan
    assert froc_table(tables).empty


def test_the_confidence_of_a_piece_is_its_mean_probability(tables, probability_run, blobs):
    """Every predicted voxel has the stored .8, and so has every piece; missed lesions have none."""
    own = tables.lesions[tables.lesions["rater"].eq("unsure") & tables.lesions["protocol"].eq("any")]
    marked = own["outcome"].isin(["detected", "false_positive", "indeterminate"])
    assert own.loc[marked, "confidence"].tolist() == pytest.approx([204 / 255] * marked.sum())
    assert own.loc[~marked, "confidence"].isna().all()
    pieces = sum(ndimage.label(probability_run.prediction(case).array, np.ones((3, 3, 3)))[1] for case in "abcd")
    assert marked.sum() <= pieces + len(own)
