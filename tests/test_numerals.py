"""P values as text."""

import math

from ctbench.numerals import p_value


def test_p_values_are_written_as_papers_do():
    """No leading zero, three digits, bounds at both ends, a dash for nothing."""
    assert [p_value(p) for p in (0.0312, 0.0004, 0.99999, math.nan)] == [".031", "<.001", ">.999", "–"]
    assert p_value(math.nan, "-") == "-"
