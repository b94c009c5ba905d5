"""The audit of the papers' tables; every figure is worked out here a second time from the papers' own numbers."""

import math
from pathlib import Path

import pandas as pd
import pytest
import scipy.stats

from ctbench.audit import COLUMNS, audit
from ctbench.errors import DatasetError


@pytest.fixture(scope="module")
def whole():
    """The audit of all papers."""
    return audit()


@pytest.fixture
def one(whole):
    """A function that gives the one row with the given fields."""

    def select(**fields):
        rows = whole
        for name, value in fields.items():
            rows = rows[rows[name].eq(value)]
        assert len(rows) == 1, f"{len(rows)} rows have {fields}"
        return rows.iloc[0]

    return select


def test_columns_and_verdicts(whole):
    """The table has the columns of the contract, in order, and only the three verdicts."""
    assert tuple(whole.columns) == COLUMNS
    assert list(COLUMNS[:11]) == [
        *("paper", "table", "label", "rater", "quantity", "printed", "verdict"),
        *("value_low", "value_high", "p_low", "p_high"),
    ]
    assert set(whole["verdict"]) == {"reproduced", "undecidable", "contradicted"}
    assert set(whole["paper"]) == {"Cai 2020", "Chang 2018", "Sharrock 2020", "Wachinger 2018", "Zhao 2022"}


def test_every_row_says_how(whole):
    """No row is without a quantity and a sentence on how it was worked out."""
    assert (whole["quantity"] != "").all()
    assert (whole["detail"] != "").all()


def test_ranges_are_ordered(whole):
    """Low ends do not pass high ends, and p lies between 0 and 1."""
    assert (whole["value_low"].dropna() <= whole["value_high"].dropna() + 1e-12).all()
    assert (whole["p_low"].dropna() <= whole["p_high"].dropna()).all()
    assert whole["p_low"].dropna().between(0, 1).all()


def test_every_asterisk_of_cai_is_there(whole):
    """33 cells each of Tables 2 and 3, and both cells of 22 comparisons of Table 4."""
    counts = whole[whole["quantity"].eq("asterisk")].groupby("table").size()
    assert counts.to_dict() == {"Table 2": 33, "Table 3": 33, "Table 4": 44}


def test_a_cell_of_cai_by_hand(one):
    """Table 3, caudate, observer 2: .94 +- .02 against .89 +- .03 among SDs .02 and .03, n 12: p as worked out here."""
    variance = (0.03**2 + 0.02**2 + 0.02**2 + 0.03**2) / 4
    p = 2 * scipy.stats.t.sf(0.05 / math.sqrt(variance * 2 / 12), 44)
    row = one(table="Table 3", label="caudate", rater="observer2", quantity="asterisk")
    assert row["p_low"] < p < row["p_high"] < 0.05
    assert (row["printed"], row["verdict"]) == ("*", "reproduced")


def test_cai_volumes_favour_the_smaller_difference(one):
    """Table 2, subarachnoid space: observer 1 has the smaller error and a star; observer 3 a larger one and none."""
    rows = [
        one(table="Table 2", label="subarachnoid_space", rater=rater, quantity="asterisk")
        for rater in ("observer1", "observer3")
    ]
    assert [row["printed"] for row in rows] == ["*", ""]
    assert [row["verdict"] for row in rows] == ["reproduced", "reproduced"]
    assert rows[0]["value_high"] < 0 < rows[1]["value_low"]


def test_central_sulcus_is_explained_by_the_scans_left_out(one):
    """.50 +- .35 against .77 +- .12 is significant with 12 scans, and not once two scans of Dice 0 are left out."""
    plain = one(table="Table 4", label="central_sulcus", rater="primary-test", quantity="asterisk")
    assert (plain["printed"], plain["verdict"]) == ("", "contradicted")
    assert plain["p_high"] < 0.05
    mean, variance = 0.6, (11 * 0.35**2 + 12 * 0.5**2 - 10 * 0.6**2) / 9
    pooled = (9 * variance + 11 * 0.12**2) / 20
    p = 2 * scipy.stats.t.sf((0.77 - mean) / math.sqrt(pooled * (1 / 10 + 1 / 12)), 20)
    explained = one(label="central_sulcus", quantity="asterisk, two scans left out of the test only")
    assert 0.05 < explained["p_low"] < p < explained["p_high"]
    assert explained["verdict"] == "reproduced"


@pytest.mark.parametrize(
    ("fields", "printed", "verdict"),
    [
        ({"rater": "inph", "quantity": "structures without a difference"}, "10 of 11", "contradicted"),
        ({"rater": "rsna", "quantity": "structures without a difference"}, "7 of 11", "reproduced"),
        ({"quantity": "share of voxels, %"}, "85.5", "contradicted"),
        ({"table": "Table 2", "label": "overall", "quantity": "observers_minus_model_share"}, "3.94", "reproduced"),
        (
            {"table": "Table 2", "label": "central_sulcus", "quantity": "observers_minus_model_share"},
            "16.81",
            "reproduced",
        ),
        ({"table": "Table 3", "label": "central_sulcus", "quantity": "observers_minus_model"}, "0.10", "reproduced"),
        ({"table": "Table 3", "label": "overall", "quantity": "sd", "rater": "observer1"}, "0.07", "reproduced"),
        ({"table": "Abstract", "rater": "cross-validation cohort"}, "8.1", "contradicted"),
        ({"table": "Abstract", "detail": "82 of the 862 examinations of the abstract"}, "12", "contradicted"),
        ({"table": "Abstract", "detail": "82 of the 682 examinations of the text"}, "12", "reproduced"),
        (
            {"rater": "prospective test set", "quantity": "hemorrhages that the missed are a share of"},
            *("81", "contradicted"),
        ),
        ({"rater": "mask-rcnn (test)", "quantity": "detection_npv"}, "0.993", "reproduced"),
        ({"paper": "Sharrock 2020", "table": "Results", "quantity": "scans"}, "500", "contradicted"),
        ({"table": "Figure 2", "quantity": "scans"}, "501", "reproduced"),
        ({"rater": "3D VNET 32", "quantity": "share of failures against the text, %"}, "2.0", "contradicted"),
        (
            {"rater": "2D VNET 512", "quantity": "share of failures against the minimum Dice"},
            *("0.0 %", "contradicted"),
        ),
        ({"rater": "PItcHPERFeCT", "quantity": "share of failures against the minimum Dice"}, "1.0 %", "reproduced"),
        ({"quantity": "parameters, total"}, "2687200", "reproduced"),
        ({"quantity": "best nsd of the single models"}, "0.5095", "contradicted"),
        ({"quantity": "best dice of the single models"}, "0.7343", "reproduced"),
    ],
)
def test_single_findings(one, fields, printed, verdict):
    """Each known agreement and disagreement of the papers with themselves is found."""
    row = one(**fields)
    assert (row["printed"], row["verdict"]) == (printed, verdict)


def test_chang_balanced_accuracies(whole):
    """The printed balanced accuracies are not (sensitivity + specificity) / 2; with the NPV for the latter they are."""
    plain = whole[whole["quantity"].eq("balanced accuracy")]
    other = whole[whole["quantity"].eq("balanced accuracy, with the full set's NPV for the specificity")]
    assert set(plain["verdict"]) == {"contradicted"}
    assert "contradicted" not in set(other["verdict"])
    assert len(plain) == len(other) == 39  # 20 rows for each cohort, less one that is printed as NA


def test_chang_from_whole_cases(one):
    """78 of 82 and 584 of 600 are the only cases that round to .951 and .973; accuracy and PPV then miss a digit."""
    accuracy, ppv = (one(rater="mask-rcnn (test)", quantity=name) for name in ("detection_accuracy", "detection_ppv"))
    assert accuracy["value_low"] == accuracy["value_high"] == pytest.approx((78 + 584) / 682)
    assert ppv["value_low"] == ppv["value_high"] == pytest.approx(78 / (78 + 16))
    for row in (accuracy, ppv):
        assert row["verdict"] == "contradicted"
        assert "cut off" in row["detail"]


def test_sharrock_signs_contradict_each_other(whole):
    """Text and Table 3 agree on the sign of the volume difference; Figure 6 says the opposite."""
    rows = whole[whole["quantity"].eq("sign of the volume difference")].set_index("table")["verdict"]
    assert rows.to_dict() == {"Volume Comparison": "reproduced", "Figure 6": "contradicted"}


def test_one_paper_by_itself(whole):
    """The audit of one dataset is its part of the whole; an unknown one is an error that lists the others."""
    expected = whole[whole["paper"].eq("Zhao 2022")].reset_index(drop=True)
    pd.testing.assert_frame_equal(audit("instance2022"), expected)
    with pytest.raises(DatasetError, match="cai2020"):
        audit("bhsd")


def test_the_page_counts_what_the_audit_finds(whole):
    """The table of docs/audit.md has the numbers of verdicts that the audit gives today."""
    page = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
    counts = pd.crosstab(whole["paper"], whole["verdict"])
    for paper, row in counts.iterrows():
        assert f"| {paper} | {row['reproduced']} | {row['undecidable']} | {row['contradicted']} |" in page
