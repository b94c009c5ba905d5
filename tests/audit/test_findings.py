import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.audit.findings import COLUMNS, Finding, Printed, claimed, followed
from ctbench.audit.rounding import Range

WHERE = {"paper": "P 2020", "table": "Table 1", "quantity": "mean", "detail": "by hand"}


def test_a_row_has_the_columns_in_their_order():
    """Whatever a finding does not have is empty or null."""
    row = Finding(paper="P", table="T", quantity="q", printed="1", verdict="reproduced").as_row()
    assert tuple(row) == COLUMNS
    assert [name for name, value in row.items() if value is None] == ["value_low", "value_high", "p_low", "p_high"]
    assert row["label"] == row["rater"] == row["detail"] == ""


def test_a_number_is_printed_with_the_digits_of_the_paper():
    """Trailing zeros come back, for the mean and for its standard deviation."""
    row = {"value": 0.9, "value_decimals": 2, "sd": 3.0, "sd_decimals": 0}
    assert Printed.of(row).text == "0.90"
    assert Printed.of(row, "sd").text == "3"
    assert Printed.of(row).value == 0.9


def test_the_range_of_a_printed_number_is_half_a_digit_wide_on_both_sides():
    """.90 stands for .895 to .905, and 3 for 2.5 to 3.5."""
    assert Printed("0.90").range == Range(pytest.approx(0.895), pytest.approx(0.905))
    assert Printed("3").range == Range(2.5, 3.5)


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("0.99", 0.9999, True),
        ("0.99", 0.99, True),
        ("0.99", 1.0, False),
        ("0.99", 0.9899, False),
        ("-0.5", -0.59, True),
        ("-0.5", 0.59, False),
    ],
)
def test_what_was_cut_off_is_seen(text, number, expected):
    """A printed number cuts those that begin with its digits and have its sign."""
    assert Printed(text).cuts(number) is expected


@given(st.floats(-1000, 1000), st.integers(0, 4))
def test_a_number_rounds_to_what_is_printed_of_it(value, decimals):
    """Every number lies in the range of its own printed form, up to round-off."""
    found = Printed.of({"value": value, "value_decimals": decimals}).range
    assert found.low - 1e-9 <= value <= found.high + 1e-9


def test_a_figure_is_judged_by_what_follows():
    """The three verdicts, each with the range that follows and the figure as printed."""
    printed = Printed("0.50")
    for follows, expected, verdict in (
        (Range(0.48, 0.53), 0.501, "reproduced"),
        (Range(0.48, 0.53), 0.52, "undecidable"),
        (Range(0.60, 0.70), 0.65, "contradicted"),
    ):
        found = followed(printed, follows, expected, **WHERE)
        assert (found.verdict, found.printed) == (verdict, "0.50")
        assert (found.value_low, found.value_high) == (follows.low, follows.high)
        assert found.detail == "by hand"


def test_a_cut_figure_says_so():
    """.95 for .9591 is contradicted, and the detail says that cutting instead of rounding explains it."""
    found = followed(Printed("0.95"), Range.exactly(0.9591), 0.9591, **WHERE)
    assert found.verdict == "contradicted"
    assert found.detail.startswith("by hand; cut off")


@pytest.mark.parametrize(("holds", "verdict"), [(True, "reproduced"), (False, "contradicted")])
def test_a_claim_holds_or_does_not(holds, verdict):
    """A claim in words has no range."""
    found = claimed("the best", holds=holds, **WHERE)
    assert (found.printed, found.verdict, found.value_low, found.p_low) == ("the best", verdict, None, None)
