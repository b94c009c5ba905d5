"""How numbers are written."""

import math

import pytest

from ctbench.metrics import METRICS
from ctbench.report.wording import (
    counted,
    fixed,
    interval,
    listed,
    metric_title,
    p_value,
    percent,
    shortened,
    unit_title,
    with_interval,
)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.83456, "1", "0.835"),
        (2.345, "mm", "2.35"),
        (-1.5, "mL", "−1.50"),
        (math.nan, "mm", "–"),
        (-0.0004, "1", "0.000"),
        (None, "1", "–"),
    ],
)
def test_fixed(value, unit, text):
    """Digits follow the unit, minus is a minus sign, and what is undefined is a dash."""
    assert fixed(value, unit) == text


def test_interval_and_percent():
    """Intervals and shares are dashes where they are undefined."""
    assert interval(-1, 2, "mm") == "−1.00 to 2.00"
    assert interval(math.nan, 2) == "–"
    assert percent(0.0112, 2) == "1.12 %"
    assert percent(math.nan) == "–"


def test_a_number_stands_before_its_interval():
    """In brackets, with the digits of its unit; a number without an interval stands alone, a dash is for nothing."""
    assert with_interval(0.87, 0.85, 0.8904) == "0.870 (0.850 to 0.890)"
    assert with_interval(-1, -2, 0.5, "mL") == "−1.00 (−2.00 to 0.50)"
    assert with_interval(0.5, math.nan, math.nan, digits=1) == "0.5"
    assert with_interval(math.nan, 0, 1) == with_interval(None, math.nan, math.nan) == "–"


def test_numbers_of_cases_are_a_range():
    """Of one number, of several, and without a noun."""
    assert [counted([3, 3]), counted([3, 12, 7], "of 20 cases"), counted([4], "")] == [
        "n = 3 cases",
        "n = 3 to 12 of 20 cases",
        "n = 4",
    ]


@pytest.mark.parametrize(
    ("p", "text"), [(0.0004, "<.001"), (0.049, ".049"), (0.9996, ">.999"), (1.0, ">.999"), (math.nan, "–")]
)
def test_p_value(p, text):
    """P values are written as the papers write them."""
    assert p_value(p) == text


def test_every_metric_has_a_title():
    """Each metric that can be scored has a name that people write."""
    assert [name for name in METRICS if metric_title(name) == name] == []
    assert metric_title("mine") == "mine"
    assert unit_title("1") == ""
    assert unit_title("mm") == "mm"


def test_shortened():
    """Names on axes are one line of bounded length."""
    assert shortened("a\n b") == "a b"
    assert shortened("x" * 500, 10) == "x" * 9 + "…"


def test_names_are_listed_as_in_a_sentence():
    """One name, two, and more."""
    assert [listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
