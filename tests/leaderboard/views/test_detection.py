"""The page detection."""

import pytest

from ctbench.statistics import predictive_values


def _table(test, *columns):
    return next(one.value for one in test.dataframe if set(columns) <= set(one.value.columns))


def test_rates_by_hand(app, toy_board):
    """Both models draw the second blob wherever it is, and nowhere else; one fails on a case that has it."""
    rates = _table(app(toy_board, "detection", finding="ivh"), "sensitivity", "specificity").set_index("rater")
    assert rates.loc["sharp", ["n", "positive", "sensitivity", "specificity"]].tolist() == [5, 4, 100, 100]
    assert rates.loc["blunt", "sensitivity"] == pytest.approx(75)


def test_predictive_values_follow_the_prevalence(app, toy_board):
    """The slider changes the last columns, by Bayes' theorem, and nothing else."""
    tables = [_table(app(toy_board, "detection", prevalence=at), "ppv_at") for at in ("0.5", "0.1")]
    for table, prevalence in zip(tables, (0.5, 0.1), strict=True):
        blunt = table.set_index("rater").loc["blunt"]
        expected = predictive_values(blunt["sensitivity"] / 100, blunt["specificity"] / 100, prevalence=prevalence)
        assert blunt[["ppv_at", "npv_at"]].tolist() == pytest.approx([100 * value for value in expected])
    assert tables[0]["ppv"].tolist() == tables[1]["ppv"].tolist()


def test_readers_come_on_demand(app, toy_board):
    """Readers are judged by references of their own, and only shown if asked for."""
    assert "ann" not in set(_table(app(toy_board, "detection"), "sensitivity")["rater"])
    test = app(toy_board, "detection", readers="true")
    assert {"ann", "ben", "cem"} <= set(_table(test, "sensitivity")["rater"])


def test_wrong_calls_are_listed(app, toy_board):
    """The case without a prediction counts as wrongly called, and is listed as such."""
    wrong = _table(app(toy_board, "detection", finding="ivh"), "case", "was")
    assert wrong[["case", "rater", "was", "no prediction"]].to_numpy().tolist() == [["case2", "blunt", "missed", True]]


def test_nothing_to_detect(app, toy_board):
    """A structure that is in all cases is no finding that can be asked for."""
    test = app(toy_board, "detection")
    (finding,) = (box for box in test.selectbox if box.label == "Finding")
    assert list(finding.options) == ["ivh"]
