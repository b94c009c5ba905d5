import math

import pytest

from ctbench.agreement.rows import row


def test_a_value_is_ok_and_has_no_reason():
    """A defined value has the status ``ok``; the reason for undefined ones is dropped."""
    found = row("dice", 0.5, detail="nobody looked", case="a", label="iph", reader="r1", other="r2")
    assert found == {
        "case": "a",
        "label": "iph",
        "reader": "r1",
        "other": "r2",
        "metric": "dice",
        "value": 0.5,
        "unit": "1",
        "status": "ok",
        "detail": "",
    }


@pytest.mark.parametrize(("empty", "status"), [(True, "both_empty"), (False, "not_sampled")])
def test_an_undefined_value_says_why(empty, status):
    """NaN has a status, which tells empty masks from ones without anything to measure, and keeps the reason."""
    found = row("hd95", math.nan, "mm", empty=empty, detail="no surface", case="a")
    assert math.isnan(found["value"])
    assert (found["status"], found["detail"], found["unit"]) == (status, "no surface", "mm")


def test_zero_is_a_value():
    """A Dice of 0 is defined, also where a mask is empty."""
    assert row("dice", 0.0, empty=True)["status"] == "ok"
