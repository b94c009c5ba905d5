"""FROC and average precision of runs with probabilities or boxes."""

import numpy as np
import pytest
from scipy import ndimage

from ctbench.datasets import ALL_SIZES
from ctbench.errors import DataError
from ctbench.report.frames.lesion_froc import MEAN_RATE, average_precisions, froc_curves, froc_table
from ctbench.report.frames.lesions import lesion_sensitivity_table, lesion_tables
from ctbench.runs.folder import RunFolder
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


def _with_boxes(run, boxes):
    """Write findings of the type hemorrhage beside the predictions of a run."""
    for case, own in boxes.items():
        text = ", ".join(
            f'{{"slice": {z}, "box": {list(box)}, "type": "hemorrhage", "confidence": {sure}}}' for z, box, sure in own
        )
        RunFolder(run.folder).findings(case).write_text(f'{{"findings": [{text}]}}', encoding="utf-8")
    return run


def test_boxes_are_marks_without_probabilities(finished_run, bright, blobs):
    """A box on a lesion detects it, one in a corner is false; only the structure of its type has marks."""
    lesion = np.argwhere(blobs["a"].reader(blobs["a"].readers[0]).array > 0)
    z, y, x = lesion[len(lesion) // 2].tolist()
    boxes = {"a": [(z, (y, x, y + 1, x + 1), 0.9), (z, (y, x, y + 1, x + 1), 0.7)], "b": [(0, (0, 0, 1, 1), 0.8)]}
    run = _with_boxes(finished_run(bright, "dice"), boxes)
    tables = lesion_tables([run], blobs, leave_one_out=False)
    marks = tables.marks[tables.marks["outcome"] != "missed"]
    assert marks[["case", "label", "protocol", "outcome", "confidence"]].to_numpy().tolist() == [
        ["a", "hemorrhage", "box-centre", "detected", 0.9],
        ["b", "hemorrhage", "box-centre", "false_positive", 0.8],
    ]
    lesions = tables.cases[tables.cases["label"].eq("hemorrhage") & tables.cases["rater"].eq("bright")]["lesions"].sum()
    found = froc_table(tables, resamples=0)
    assert set(found["lesions"]) == {lesions}
    assert found["sensitivity"].iloc[0] == 1 / lesions
    assert set(lesion_tables([run], blobs, hit="iou", leave_one_out=False).marks["protocol"]) == {"box-iou"}


def test_a_box_outside_its_image_is_refused(finished_run, bright, blobs):
    """Files of findings are not trusted: the message names run, case and box."""
    run = _with_boxes(finished_run(bright, "dice"), {"a": [(10**30, (0, 0, 1, 1), 0.9)]})
    with pytest.raises(DataError, match=r"in case a; expected a box inside the image of shape"):
        lesion_tables([run], blobs)
