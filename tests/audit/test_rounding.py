import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.audit.rounding import Cell, Range, asterisks, verdict_of
from ctbench.errors import UsageError
from ctbench.statistics import categorical_regression_from_summary

numbers = st.floats(-100, 100)
ranges = st.tuples(numbers, numbers).map(lambda ends: Range(min(ends), max(ends)))


def test_a_printed_number_is_what_rounds_to_it():
    """0.84 with two digits stands for 0.835 to 0.845, 12 for 11.5 to 12.5."""
    assert (Range.printed(0.84, 2).low, Range.printed(0.84, 2).high) == pytest.approx((0.835, 0.845))
    assert Range.printed(12) == Range(11.5, 12.5)


@given(ranges, ranges, st.floats(0, 1), st.floats(0, 1))
def test_arithmetic_holds_every_result(first, second, at, there):
    """Whatever numbers are taken from two ranges, their sum, difference, product and square lie in the result."""
    a = first.low + at * (first.high - first.low)
    b = second.low + there * (second.high - second.low)
    for result, number in (
        (first + second, a + b),
        (first - second, a - b),
        (first * second, a * b),
        (-first, -a),
        (abs(first), abs(a)),
        (first.squared(), a * a),
        (1 - first, 1 - a),
        (2 * first + 1, 2 * a + 1),
    ):
        assert result.low - 1e-6 <= number <= result.high + 1e-6


def test_division_by_hand():
    """Quotients are taken at the ends; a range that holds 0 cannot divide."""
    assert Range(1, 2) / Range(4, 5) == Range(0.2, 0.5)
    assert 1 / Range(-2, -1) == Range(-1, -0.5)
    with pytest.raises(UsageError, match="holds 0"):
        Range(1, 2) / Range(-1, 1)


def test_cutting_and_meeting():
    """Ranges are cut at bounds; they meet in an interval or at an exact number, not where two intervals just touch."""
    assert (Range(-1, 2).at_least(0), Range(-1, 2).at_most(1)) == (Range(0, 2), Range(-1, 1))
    assert Range(0, 1).meets(Range(0.5, 2))
    assert Range(0, 1).meets(Range.exactly(1.0))
    assert not Range(0, 1).meets(Range(1, 2))
    assert not Range(0, 1).meets(Range(1.1, 2))


@pytest.mark.parametrize(
    ("follows", "expected", "verdict"),
    [
        (Range(0.1, 0.3), 0.2, "reproduced"),
        (Range(0.24, 0.32), 0.28, "undecidable"),
        (Range(0.26, 0.32), 0.28, "contradicted"),
    ],
)
def test_verdicts_on_a_figure(follows, expected, verdict):
    """0.2, printed with one digit: expected, possible within the rounding, or not."""
    assert verdict_of(Range.printed(0.2, 1), follows, expected) == verdict


def _summary(means, sds, n):
    return pd.DataFrame({"label": "a", "rater": ["model", "reader1", "reader2"], "mean": means, "sd": sds, "n": n})


@given(
    st.lists(st.integers(60, 99), min_size=3, max_size=3),
    st.lists(st.integers(1, 20), min_size=3, max_size=3),
    st.lists(st.integers(3, 30), min_size=3, max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_p_over_the_rounding_intervals(means, sds, n, seed):
    """Any numbers that round to the printed ones give a p within the range, and a star only where one may stand."""
    means, sds = np.array(means) / 100, np.array(sds) / 100
    raters = ("model", "reader1", "reader2")
    cells = [
        Cell(rater, Range.printed(mean, 2), Range.printed(sd, 2), count)
        for rater, mean, sd, count in zip(raters, means, sds, n, strict=True)
    ]
    table = asterisks(cells, baseline="model", direction="higher")
    rng = np.random.default_rng(seed)
    jitter = rng.choice([-0.005, 0.005, 0.0], (2, 3)) * rng.choice([1.0, rng.random()])
    exact = categorical_regression_from_summary(_summary(means + jitter[0], sds + jitter[1], n), baseline="model")
    for row, true in zip(table.to_dict("records"), exact.to_dict("records"), strict=True):
        assert row["value_low"] - 1e-9 <= true["difference"] <= row["value_high"] + 1e-9
        assert row["p_low"] - 1e-9 <= true["p"] <= row["p_high"] + 1e-9
        starred = true["better"] == row["rater"]
        if row["verdict"] != "undecidable":
            assert starred == (row["verdict"] == "contradicted")  # no mark is printed here


def test_the_ends_of_the_range_are_reached():
    """The smallest p belongs to the means furthest apart and the smallest SDs, the largest to the opposite."""
    cells = [
        Cell("model", Range(0.80, 0.81), Range(0.04, 0.05), 12),
        Cell("reader1", Range(0.84, 0.85), Range(0.04, 0.05), 12),
    ]
    row = asterisks(cells, baseline="model", direction="higher").iloc[0]
    for p, means, sd in ((row["p_low"], (0.80, 0.85), 0.04), (row["p_high"], (0.81, 0.84), 0.05)):
        table = pd.DataFrame({"label": "a", "rater": ["model", "reader1"], "mean": means, "sd": sd, "n": 12})
        assert p == pytest.approx(categorical_regression_from_summary(table, baseline="model").iloc[0]["p"])


def cells_with(mean, *, marked, sd=0.02):
    """A model at .80 and a reader at the given mean, each of 12 cases."""
    spread = Range.printed(sd, 3)
    return [
        Cell("model", Range.printed(0.80, 2), spread, 12),
        Cell("reader1", Range.printed(mean, 2), spread, 12, marked),
    ]


@pytest.mark.parametrize(
    ("mean", "marked", "direction", "verdict"),
    [
        (0.90, True, "higher", "reproduced"),
        (0.90, False, "higher", "contradicted"),
        (0.70, False, "higher", "reproduced"),
        (0.70, True, "higher", "contradicted"),
        (0.70, True, "lower", "reproduced"),
        (0.82, True, "higher", "undecidable"),
        (0.82, False, "higher", "undecidable"),
        (0.80, True, "higher", "contradicted"),
    ],
)
def test_verdicts_on_an_asterisk(mean, marked, direction, verdict):
    """A star means better, not merely different; near p = .05 the rounding decides nothing."""
    table = asterisks(cells_with(mean, marked=marked), baseline="model", direction=direction)
    assert table["verdict"].to_list() == [verdict]


def test_a_printed_sd_of_zero_may_hide_any_certainty():
    """Where all SDs round to 0 they may be 0: p is 0 for means that differ, and 1 for means that need not."""
    row = asterisks(cells_with(0.80, marked=False, sd=0.0), baseline="model", direction="higher").iloc[0]
    assert (row["p_low"], row["p_high"], row["verdict"]) == (0.0, 1.0, "undecidable")


def test_cells_without_a_test_are_refused():
    """An absent baseline and cells of one case each are errors."""
    with pytest.raises(UsageError, match="'other'"):
        asterisks(cells_with(0.9, marked=True), baseline="other", direction="higher")
    with pytest.raises(UsageError, match="degrees of freedom"):
        asterisks([Cell("m", Range(0, 1), Range(0, math.inf), 1)], baseline="m", direction="higher")
