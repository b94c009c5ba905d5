"""The page readers."""

import pytest
import streamlit as st

from ctbench.agreement import opening_sentences, reliability, study_readers
from ctbench.datasets import load_dataset
from ctbench.report.frames.agreement import agreement_matrix
from ctbench.report.frames.study_work import study_work


def _table(test, *columns):
    return next(one.value for one in test.dataframe if set(columns) <= set(one.value.columns))


@pytest.fixture(scope="module")
def study(toy):
    """The readers of the toy dataset, compared."""
    return study_readers(load_dataset(toy), jobs=1)


def test_pairs_and_reliability_are_those_of_the_study(app, toy_board, study):
    """Few cases are compared at once; the tables are those of the reader study."""
    test = app(toy_board, "readers", pairs="HD95", of="iph")
    assert not test.error
    pairs = _table(test, "reader", "other", "mean")
    assert pairs["mean"].tolist() == pytest.approx(agreement_matrix(study, "iph", "hd95")["mean"].tolist())
    found = _table(test, "statistic", "value")
    assert found["value"].tolist() == pytest.approx(reliability(study)["value"].tolist(), nan_ok=True)


def test_each_reader_against_the_others(app, toy_board, toy_runs):
    """The means are those of the readers' run on the references without them."""
    shown = _table(app(toy_board, "readers"), "label", "rater", "reference").set_index(["label", "rater"])
    rows = toy_runs["readers"].scores.query(
        "metric == 'dice' and rater == 'ben' and label == 'iph' and reference == 'majority-without-ben'"
    )
    assert shown.loc[("iph", "ben"), "mean"] == pytest.approx(rows["value"].mean())
    assert (shown["reference"] == "majority-without-" + shown.index.get_level_values("rater")).all()


def test_the_page_opens_with_the_result(app, toy_board, study):
    """The first lines are the sentences of the reader study."""
    words = "".join(one.proto.body for one in app(toy_board, "readers").get("html"))
    assert all(sentence in words for sentence in opening_sentences(study).values())


def test_masks_that_are_not_here(app, toy_board, monkeypatch):
    """Without the dataset the page says so, and shows what the board has."""
    st.cache_resource.clear()
    monkeypatch.setattr("leaderboard.reading.catalogs", tuple)
    test = app(toy_board, "readers")
    assert any("their masks are needed" in note.value for note in test.info)
    assert len(test.dataframe) == 1


def test_many_cases_wait_for_the_switch(app, toy, toy_board, monkeypatch):
    """Masks of many cases are compared in full only when that is asked for; the result in numbers is there before."""
    monkeypatch.setattr("leaderboard.views.readers.ON_A_BOARD", study_work(load_dataset(toy), briefly=True))
    test = app(toy_board, "readers")
    assert len(test.dataframe) == 1
    assert "pairwise Dice" in "".join(one.proto.body for one in test.get("html"))
    test.toggle[0].set_value(True).run()
    assert len(test.dataframe) > 3


def test_a_board_without_readers(app, toy_runs, tmp_path):
    """Models alone: the page says that nobody read."""
    from ctbench.boards import submit

    submit(toy_runs["sharp"], tmp_path / "board")
    test = app(tmp_path / "board", "readers")
    assert any("No readers were scored" in note.value for note in test.info)
