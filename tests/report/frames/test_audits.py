import pandas as pd
import pytest

import ctbench.audit
from ctbench.report.frames.audits import VERDICTS, audit_tables


@pytest.fixture
def findings(monkeypatch):
    """An audit of five figures in three tables."""
    told = pd.DataFrame(
        [
            ("P 2020", "Table 1", "reproduced"),
            ("P 2020", "Table 1", "contradicted"),
            ("P 2020", "Table 1", "reproduced"),
            ("A 2019", "Table 1", "undecidable"),
            ("P 2020", "Abstract", "reproduced"),
        ],
        columns=["paper", "table", "verdict"],
    )
    monkeypatch.setattr(ctbench.audit, "audit", lambda: told)
    return told


def test_verdicts_are_counted_by_table(findings):
    """A row for each table, a column for each verdict, and their sum; the findings come along."""
    counts, told = audit_tables()
    assert told is findings
    assert list(counts.columns) == ["paper", "table", *VERDICTS, "n"]
    assert {tuple(row) for row in counts.to_numpy().tolist()} == {
        ("P 2020", "Table 1", 2, 0, 1, 3),
        ("A 2019", "Table 1", 0, 1, 0, 1),
        ("P 2020", "Abstract", 1, 0, 0, 1),
    }


def test_a_verdict_that_no_figure_has_is_a_column_of_nought(findings, monkeypatch):
    """Pages can rely on the columns."""
    monkeypatch.setattr(ctbench.audit, "audit", lambda: findings[findings["verdict"] == "reproduced"])
    counts, _ = audit_tables()
    assert counts[["undecidable", "contradicted"]].to_numpy().sum() == 0
    assert counts["n"].sum() == 3
