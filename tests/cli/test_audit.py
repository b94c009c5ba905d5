"""``ctbench audit``."""

import json
from pathlib import Path

COLUMNS = [
    "paper",
    "table",
    "label",
    "rater",
    "quantity",
    "printed",
    "verdict",
    "value_low",
    "value_high",
    "p_low",
    "p_high",
]


def test_an_audit_as_json(ctbench):
    """A program reads the documented columns, nulls where there is no range, and every verdict."""
    rows = json.loads(ctbench("audit", "--json").out)
    assert all(list(row)[: len(COLUMNS)] == COLUMNS for row in rows)
    assert {row["verdict"] for row in rows} == {"reproduced", "undecidable", "contradicted"}
    tested = [row["quantity"] for row in rows if row["p_low"] is not None]
    assert all(quantity.startswith(("asterisk", "p against ")) for quantity in tested), set(tested)


def test_one_paper_for_a_person(ctbench):
    """A person sees what is not reproduced, and how many findings there are of each kind."""
    asked, everything = ctbench("audit", "chang2018"), ctbench("audit", "chang2018", "--csv")
    n = everything.out.count("\n") - 1
    assert "contradicted" in asked.out
    assert "reproduced" not in asked.out
    assert f"n = {n}" in asked.err


def test_a_page_of_an_audit(ctbench):
    """The page stands alone, names its paper, and counts the findings."""
    assert ctbench("audit", "cai2020", "--html", "audit.html").exit_code == 0
    html = Path("audit.html").read_text(encoding="utf-8")
    assert "Cai 2020" in html
    assert "http" not in html.partition("</style>")[0]


def test_a_dataset_without_an_audit(ctbench):
    """The message lists those that have one, and the command ends with two."""
    result = ctbench("audit", "phantom-anatomy")
    assert result.exit_code == 2
    assert "cai2020" in result.err


def test_a_claim_of_outperformance(ctbench):
    """One row for each correlation that the paper does not print."""
    result = ctbench("audit", "--claim", 0.85, 0.1, 0.84, 0.1, 50, "--csv")
    rows = [line.split(",") for line in result.out.splitlines()]
    assert rows[0] == ["correlation", "probability"]
    assert [round(float(row[1]), 4) for row in rows[1:]] == [0.3097, 0.2414, 0.1345, 0.0150]
