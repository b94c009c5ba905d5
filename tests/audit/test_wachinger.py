"""The audit of Wachinger et al. 2018; figures are worked out here a second time from the paper's own numbers."""

import math

import pytest

from ctbench.audit.wachinger import audit_wachinger
from ctbench.datasets import published


@pytest.mark.parametrize(
    ("fields", "printed", "verdict"),
    [
        ({"quantity": "parameters, total"}, "2687200", "reproduced"),
    ],
)
def test_single_findings(one, fields, printed, verdict):
    """Each known agreement and disagreement of the papers with themselves is found."""
    row = one(**fields)
    assert (row["printed"], row["verdict"]) == (printed, verdict)


def test_every_layer_has_the_parameters_that_its_factors_make(whole):
    """The six printed products are right, and their sum is the printed total of one task."""
    rows = whole[whole["quantity"].str.startswith("parameters, ") & ~whole["quantity"].str.contains("total")]
    assert set(rows["verdict"]) == {"reproduced"}
    for printed, detail in rows[["printed", "detail"]].itertuples(index=False):
        assert math.prod(int(factor) for factor in detail.split(" x ")) == int(printed)
    assert rows["printed"].astype(int).sum() + 512 * 25 * 6 > rows["printed"].astype(int).sum() == 2_687_200


def test_gains_are_differences_of_printed_figures():
    """A gain that follows from two figures with three decimals each is known to within a thousandth."""
    findings = [one for one in audit_wachinger(published("oasis-multiatlas")) if one.table.startswith("Figure")]
    assert [one.table for one in findings] == ["Figure 5", "Figure 6", "Figure 12", "Figure 13"]
    assert all(0 < one.value_high - one.value_low <= 0.0100001 for one in findings)
