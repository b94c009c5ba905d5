"""The audit of all papers in one table."""

from pathlib import Path

import pandas as pd
import pytest

from ctbench.audit import COLUMNS, audit
from ctbench.errors import DatasetError


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
