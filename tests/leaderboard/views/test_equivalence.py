"""The page equivalence: each model against each reader, within a margin."""

import pytest

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.equivalence import equivalence_table
from ctbench.report.frames.reader_population import population_table


def test_the_tests_are_the_reports(app, toy_board, toy_runs):
    """Differences, intervals and verdicts are those of ``equivalence_table`` at the chosen margin."""
    test = app(toy_board, "equivalence", margin="0.1")
    assert not test.error
    shown = test.dataframe[0].value
    (results,) = gather(toy_runs.values())
    for model in ("sharp", "blunt"):
        expected = equivalence_table(results, model, 0.1).query("label == 'overall'")
        own = shown[shown["model"] == model]
        assert own["rater"].tolist() == expected["rater"].tolist() == ["ann", "ben", "cem"]
        for name in ("difference", "low", "high", "p_holm", "p_equivalence", "p_inferiority"):
            assert own[name].tolist() == pytest.approx(expected[name].tolist(), nan_ok=True)
        assert own["verdict"].tolist() == expected["verdict"].tolist()


def test_the_readers_as_a_population_are_the_reports(app, toy_board, toy_runs):
    """Once asked for, a second table holds ``population_table`` of every model at the chosen margin."""
    assert len(app(toy_board, "equivalence", margin="0.1").dataframe) == 1
    shown = app(toy_board, "equivalence", margin="0.1", population="true").dataframe[1].value
    (results,) = gather(toy_runs.values())
    for model in ("sharp", "blunt"):
        expected = population_table(results, model, "dice", 0.1)
        own = shown[shown["model"] == model]
        assert own["label"].tolist() == expected["label"].tolist()
        for name in ("difference", "low", "high", "p", "p_equivalent"):
            assert own[name].tolist() == pytest.approx(expected[name].tolist(), nan_ok=True)


def test_a_structure_can_be_chosen(app, toy_board):
    """The same models on one structure; the words above the figure change with it."""
    whole, one = (app(toy_board, "equivalence", **chosen) for chosen in ({}, {"of": "ivh"}))
    assert one.dataframe[0].value["difference"].tolist() != whole.dataframe[0].value["difference"].tolist()
    assert any(words.proto.body.startswith('<p class="words plain">sharp: ') for words in one.html)


def test_without_readers_the_page_says_what_it_takes(app, toy_runs, tmp_path):
    """A model alone is equivalent to nobody."""
    (tmp_path / "sharp").symlink_to(toy_runs["sharp"].folder)
    test = app(tmp_path, "equivalence")
    assert not test.dataframe
    assert "It takes a model, readers of the same cases, and their Dice" in test.info[0].value.replace("\\", "")
