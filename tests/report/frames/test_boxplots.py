"""Box plots as numbers."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from ctbench.report.frames.boxplots import box_table, marked


def _scores(values, rater="unet"):
    return pd.DataFrame({"reference": "majority", "label": "iph", "rater": rater, "value": values})


def test_a_box_by_hand():
    """0 to 8 and one value far off: quartiles as numpy's, the whisker ends at the last value within reach."""
    (box,) = box_table(_scores([*range(9), 100.0])).to_dict("records")
    assert (box["n"], box["q1"], box["median"], box["q3"]) == (10, 2.25, 4.5, 6.75)
    assert (box["low"], box["high"], box["outliers"]) == (0.0, 8.0, [100.0])


def test_undefined_values_do_not_count():
    """A rater with some values has a box of those, one without any has none."""
    table = box_table(pd.concat([_scores([0.5, np.nan]), _scores([np.nan], "atlas")]))
    assert table[["rater", "n"]].to_numpy().tolist() == [["unet", 1]]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_every_value_is_within_the_whiskers_or_a_dot(values):
    """Nothing is lost, and box and whiskers are in their order."""
    (box,) = box_table(_scores(values)).to_dict("records")
    assert box["low"] <= box["q1"] <= box["median"] <= box["q3"] <= box["high"]
    inside = [value for value in values if box["low"] <= value <= box["high"]]
    assert sorted([*inside, *box["outliers"]]) == sorted(values)
    assert len(inside) + len(box["outliers"]) == len(values)


def test_marks():
    """An asterisk where the reader is better, a dagger where the model is, on the same reference only."""
    boxes = box_table(pd.concat([_scores([1.0], name) for name in ("unet", "ann", "ben", "cem")]))
    comparison = pd.DataFrame(
        {
            "reference": ["majority", "majority", "other"],
            "label": "iph",
            "rater": ["ann", "ben", "cem"],
            "reader_better": [True, False, True],
            "model_better": [False, True, False],
        }
    )
    assert marked(boxes, comparison).set_index("rater")["mark"].to_dict() == (
        {"unet": "", "ann": "*", "ben": "†", "cem": ""}
    )
