import math

import pytest
import scipy.stats

from ctbench.statistics.comparison import COMPARISON, compared, compared_by_t, without_values
from ctbench.statistics.direction import Direction

NAMES = ("net", "reader")


@pytest.mark.parametrize(
    ("difference", "p", "direction", "higher", "better"),
    [
        (0.1, 0.01, Direction.HIGHER, "net", "net"),
        (0.1, 0.01, Direction.LOWER, "net", "reader"),
        (-0.1, 0.01, Direction.HIGHER, "reader", "reader"),
        (-0.1, 0.01, Direction.LOWER, "reader", "net"),
        (0.1, 0.01, Direction.NEITHER, "net", ""),
        (0.1, 0.05, Direction.HIGHER, "net", ""),
        (0.0, 0.0, Direction.HIGHER, "", ""),
        (math.nan, math.nan, Direction.HIGHER, "", ""),
    ],
)
def test_who_is_higher_and_who_is_better(difference, p, direction, higher, better):
    """Better needs a direction and p below .05; equal raters are neither."""
    found = compared(difference, 0.05, p, NAMES, direction)
    assert (found["higher"], found["better"]) == (higher, better)
    assert tuple(found) == COMPARISON


def test_the_interval_lies_around_the_difference():
    """Half a width on both sides."""
    found = compared(0.25, 0.125, 0.2, NAMES, Direction.HIGHER)
    assert (found["low"], found["difference"], found["high"]) == (0.125, 0.25, 0.375)


@pytest.mark.parametrize(("difference", "error", "degrees"), [(0.3, 0.1, 7), (-1.0, 0.8, 2.5)])
def test_a_t_test_is_that_of_scipy(difference, error, degrees):
    """P and the interval follow from the same distribution: it holds 0 exactly where p is .05 or more."""
    found = compared_by_t(difference, error, degrees, NAMES, Direction.HIGHER)
    assert found["p"] == pytest.approx(2 * scipy.stats.t.sf(abs(difference) / error, degrees))
    low, high = scipy.stats.t.interval(0.95, degrees, difference, error)
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    assert (found["low"] <= 0 <= found["high"]) == (found["p"] >= 0.05)


def test_raters_without_values_are_named():
    """Nothing is said where everybody has some."""
    assert without_values({"a": 3, "b": 1}) == ""
    assert without_values({"a": 0, "b": 1}) == "no values of a"
    assert without_values({"a": 0, "b": 0}) == "no values of a and b"
