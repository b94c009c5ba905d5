"""Misses and false alarms of a board against the plain function of tidy scores."""

import pandas as pd

from ctbench.report.frames.calls_beside import calls_beside
from ctbench.report.frames.tables import LEAVE_ONE_OUT
from ctbench.statistics import false_alarms

COLUMNS = ["positives", "misses", "negatives", "false_alarms", "lost", "specificity", "false_ml"]


def test_on_one_reference_they_are_those_of_the_statistics(results, scores, label_codes):
    """Summed over structures: arrays and tidy scores count alike."""
    common = scores[(scores["reference"] == "majority") & scores["label"].isin(list(label_codes))]
    expected = false_alarms(common, by="rater").set_index("rater")[COLUMNS].sort_index()
    found = calls_beside(results, tuple(label_codes), "majority").set_index("rater")[COLUMNS].sort_index()
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_names=False)


def test_several_references_count_a_case_once(results):
    """Unet stands on three references, atlas draws the septum that is not there, and readers are counted one by one."""
    found = calls_beside(results, ("septum_pellucidum",), LEAVE_ONE_OUT).set_index("rater")
    assert found.loc["unet", COLUMNS[:4]].tolist() == [11, 1, 1, 0]
    assert found.loc["atlas", COLUMNS].tolist() == [11, 0, 1, 1, 1, 0.0, 3.0]
    assert found.loc["all readers", COLUMNS[:4]].tolist() == [33, 0, 3, 0]


def test_a_subgroup_counts_its_cases(results):
    """Without the case that lacks the septum there is no negative, and no specificity."""
    found = calls_beside(results, ("septum_pellucidum",), "majority", ["case01", "case03"]).set_index("rater")
    assert found.loc["unet", COLUMNS[:4]].tolist() == [2, 1, 0, 0]
    assert pd.isna(found.loc["unet", "specificity"])
