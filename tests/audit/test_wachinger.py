"""The audit of Wachinger et al. 2018; figures are worked out here a second time from the paper's own numbers."""

import math

import numpy as np
import pytest
from scipy.stats import wilcoxon

from ctbench.audit.wachinger import audit_wachinger
from ctbench.datasets import published


@pytest.mark.parametrize(
    ("fields", "printed", "verdict"),
    [
        ({"quantity": "parameters, total"}, "2687200", "reproduced"),
        ({"quantity": "training patches of the first network"}, "1.2", "reproduced"),
        ({"quantity": "training patches of the second network"}, "1.1", "undecidable"),
        ({"table": "Figure 7", "label": "right_caudate"}, "yes", "reproduced"),
        ({"table": "Figure 13", "quantity": "decrease of the mean Dice across all methods"}, "yes", "reproduced"),
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


def test_p_below_a_thousandth_needs_more_pairs_than_ten_subjects(whole):
    """The exact test of ten equal signs has p = .00195, so "p < 0.001" was tested over structures x subjects."""
    smallest = wilcoxon(np.arange(1, 11)).pvalue
    rows = whole[whole["quantity"].str.startswith("p against") & (whole["printed"] == "< 0.001")]
    subjects = rows[rows["quantity"].str.contains("20/10 scans, over each subject's mean")]
    assert subjects["p_low"].tolist() == [pytest.approx(smallest)] * 8
    assert set(subjects["verdict"]) == {"contradicted"}
    assert set(rows.drop(subjects.index)["verdict"]) == {"undecidable"}


def test_p_values_of_single_structures_are_within_reach(whole):
    """Ten subjects are enough for the printed p < .005, .01 and .05 of eight structures."""
    rows = whole[whole["quantity"].str.endswith("over the subjects")]
    assert rows["printed"].value_counts().to_dict() == {"< 0.05": 4, "< 0.005": 2, "< 0.01": 2}
    assert set(rows["verdict"]) == {"undecidable"}


def test_gains_are_differences_of_printed_figures():
    """A gain that follows from two figures with three decimals each is known to within a thousandth."""
    findings = [
        one for one in audit_wachinger(published("oasis-multiatlas")) if one.quantity.startswith(("gain", "lead"))
    ]
    assert [one.table for one in findings] == ["Figure 5", "Figure 6", "Figure 12", "Figure 13"]
    assert all(0 < one.value_high - one.value_low <= 0.0100001 for one in findings)
