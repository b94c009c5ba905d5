"""The page uncertainty."""

from dataclasses import replace

from ctbench.boards import submit
from ctbench.report.explanations import FORECAST_TITLES
from ctbench.runs import run


def _table(test, *columns):
    return next(one.value for one in test.dataframe if set(columns) <= set(one.value.columns))


def test_a_run_with_probabilities_has_figures_and_worst_cases(app, probability_run, tmp_path):
    """The title names the domain, which is in the address; figures have the report's titles, beside the ceiling's."""
    board = tmp_path / "board"
    submit(probability_run, board)
    test = app(board, "uncertainty", domain="image")
    assert not test.exception
    figures = _table(test, "figure", "value")
    assert set(figures["rater"]) == {"unsure", "vote share of the other readers"}
    assert set(figures["figure"]) == set(FORECAST_TITLES.values())
    assert len(_table(test, "case", "ece")) == 4
    assert any("Figures over the whole image" in one.proto.body for one in test.html)


def test_two_versions_of_a_model_stand_apart(app, blobs, unsure, probability_run, tmp_path):
    """Each has its own figures and worst cases, under the name with the version that it has on all other pages."""
    newer = unsure()
    newer.info = replace(newer.info, version="2")
    later = run(blobs, newer, tmp_path / "later", metrics=["dice"], jobs=1, keep_probabilities=True)
    board = tmp_path / "board"
    for one in (probability_run, later):
        submit(one, board)
    test = app(board, "uncertainty", domain="image")
    assert not test.exception
    names = {"unsure 1", "unsure 2"}
    assert set(_table(test, "figure", "value")["rater"]) == {*names, "vote share of the other readers"}
    assert set(_table(test, "case", "ece")["rater"]) == names


def test_without_probabilities_the_page_says_how_to_keep_them(app, toy_board):
    """A note, and no table."""
    test = app(toy_board, "uncertainty")
    assert not test.exception
    assert not test.dataframe
    assert any("No run of this dataset keeps probabilities" in one.value for one in test.info)
