"""How numbers are written."""

import math

import pytest

from ctbench.metrics import METRICS
from ctbench.report.wording import (
    fixed,
    interval,
    listed,
    metric_title,
    p_value,
    percent,
    shortened,
    unit_title,
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
