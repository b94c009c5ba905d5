"""The page about."""

from ctbench.audit import audit
from ctbench.metrics import METRICS


def words_of(test):
    """All HTML that the page put out."""
    return "\n".join(one.proto.body for one in test.html)


def test_about_defines_every_metric_and_shows_the_audit(app, toy_board):
    """Definitions, empty cases, and as many audited figures as the audit has."""
    test = app(toy_board, "about")
    metrics, counts, findings = (table.value for table in test.dataframe[:3])
    assert metrics["metric"].tolist() == list(METRICS)
    assert counts["n"].sum() == len(findings) == len(audit())
    assert "3 runs, of which 0 cannot be read" in words_of(test)
