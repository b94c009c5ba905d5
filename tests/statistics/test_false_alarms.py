"""Misses, false alarms and specificity beside a mean, by hand."""

import numpy as np
import pandas as pd
import pytest

from ctbench.statistics import false_alarms, wilson

NAN = np.nan


@pytest.fixture
def heads(judged):
    """Two bleeds and three healthy heads, with volumes: one rater misses and draws, one fails."""
    dice = {
        "eager": [("prediction_empty", 0.0), ("ok", 0.6), ("reference_empty", 0.0), ("both_empty", NAN)],
        "broken": [("failed", 0.0), ("ok", 0.6), ("failed", 0.0), ("both_empty", NAN)],
    }
    volume = {
        "eager": [("prediction_empty", 0.0), ("ok", 5.0), ("reference_empty", 9.0), ("both_empty", 0.0)],
        "broken": [("failed", NAN), ("ok", 5.0), ("failed", NAN), ("both_empty", 0.0)],
    }
    return pd.concat([judged(dice), judged(volume, metric="volume_ml")], ignore_index=True)


def test_counts_of_both_raters(heads):
    """A lost case is neither a miss nor a false alarm, and is wrongly called in the specificity."""
    table = false_alarms(heads).set_index("rater")
    counts = ["positives", "misses", "negatives", "false_alarms", "lost"]
    assert table.loc["eager", counts].tolist() == [2, 1, 2, 1, 0]
    assert table.loc["broken", counts].tolist() == [2, 0, 2, 0, 2]
    expected = wilson(1, 2)
    for rater in ("eager", "broken"):
        shown = table.loc[rater, ["specificity", "specificity_low", "specificity_high"]].tolist()
        assert shown == [expected.value, expected.low, expected.high]
    assert table.loc["eager", "false_ml"] == pytest.approx(4.5)
    assert table.loc["broken", "false_ml"] == 0.0


def test_without_negatives_or_volumes_there_is_no_rate(heads):
    """Nothing is made up: null, not 0 or 1."""
    bleeds = heads[heads["case"].isin(["case0", "case1"]) & (heads["metric"] == "dice")]
    table = false_alarms(bleeds)
    assert table["negatives"].tolist() == [0, 0]
    assert table[["specificity", "specificity_low", "false_ml"]].isna().all().all()
