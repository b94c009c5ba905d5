"""Boxes of runs as marks on lesions."""

import numpy as np
import pytest

from ctbench.errors import DataError
from ctbench.report.frames.lesion_froc import froc_table
from ctbench.report.frames.lesions import lesion_tables
from ctbench.runs.folder import RunFolder


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
