"""P values and ranges as text."""

import math

from ctbench.numerals import p_value, span


def test_p_values_are_written_as_papers_do():
    """No leading zero, three digits, bounds at both ends, a dash for nothing."""
    assert [p_value(p) for p in (0.0312, 0.0004, 0.99999, math.nan)] == [".031", "<.001", ">.999", "–"]
    assert p_value(math.nan, "-") == "-"


def test_a_range_of_one_value_is_that_value():
    """Two ends that are written alike are one, also where the numbers differ."""
    assert [span(1, 3), span(3, 3), span(f"{0.501:.2f}", f"{0.499:.2f}")] == ["1 to 3", "3", "0.50"]
