"""The page structures: box plots with marks, what is taken for what, and size."""

import re

import pandas as pd
import pytest
import streamlit as st

from ctbench.report.frames import tables


def _words(test):
    return [re.sub("<[^>]*>", "", one.proto.body) for one in test.html]


def _switch(test, label):
    return next(toggle for toggle in test.toggle if toggle.label == label)


def _table(test, *columns):
    """Give the table on the page that has these columns."""
    return next(one.value for one in test.dataframe if set(columns) <= set(one.value.columns))


def test_the_test_is_the_reports(app, toy_board, toy_runs):
    """Readers are compared with the chosen model as ``tables.comparison`` does, and marked alike."""
    shown = _table(app(toy_board, "structures", tested="blunt", groups="true"), "model_mean", "mark")
    scores = pd.concat([toy_runs["readers"].scores, toy_runs["blunt"].scores])
    expected = tables.comparison(
        scores,
        model="blunt",
        structures=("iph", "ivh", "hemorrhage"),
        averaged=("iph", "ivh"),
        metric="dice",
        reference="leave-one-out",
    )
    keys = ["label", "rater"]
    both = shown.merge(expected, on=keys, suffixes=("", "_expected"))
    assert len(both) == len(expected) == len(shown)
    assert both["difference"].tolist() == pytest.approx(both["difference_expected"].tolist())
    assert (both["mark"] == "*").tolist() == both["reader_better"].astype(bool).tolist()
    assert (both["mark"] == "†").tolist() == both["model_better"].astype(bool).tolist()


def test_one_chart_for_each_reference(app, toy_board):
    """Box plots against leave-one-out references never share a chart; on the common one all raters do."""
    test = app(toy_board, "structures")
    assert [words for words in _words(test) if words.startswith("against majority-without-")] == [
        f"against majority-without-{reader}" for reader in ("ann", "ben", "cem")
    ]
    test = app(toy_board, "structures", reference="majority")
    assert "against majority" in _words(test)
    assert any("The readers contribute to this reference" in words for words in _words(test))


def test_voxels_are_counted_when_asked(app, toy_board):
    """The confusion matrix reads label maps, so it waits for the switch; each row of it adds up to 100 %."""
    test = app(toy_board, "structures")
    assert not any("percent" in one.value.columns for one in test.dataframe)
    _switch(test, "Count the voxels").set_value(True).run()
    counted = _table(test, "voxels", "percent")
    sums = counted.groupby("reference")["percent"].sum()
    assert sums.tolist() == pytest.approx([100.0] * 3)
    assert counted["cases"].eq(5).all() or counted["cases"].eq(4).all()


def test_predictions_that_cannot_be_counted(app, toy_board, monkeypatch):
    """Without the dataset on this machine the page says what is lacking, and the rest of it stands."""
    st.cache_resource.clear()
    monkeypatch.setattr("leaderboard.reading.catalogs", tuple)
    test = app(toy_board, "structures", confusion="true")
    assert any("The voxels cannot be counted" in note.value for note in test.info)
    assert "pearson_r" in _table(test, "pearson_r").columns


def test_without_a_model_readers_stand_alone(app, toy_board):
    """Where no model is chosen there is nothing to test, and the readers' boxes are drawn."""
    test = app(toy_board, "structures", models="")
    test.multiselect[0].set_value([]).run()
    assert not test.exception
    assert not any("mark" in one.value.columns for one in test.dataframe)
    assert any(words.startswith("against majority-without-") for words in _words(test))


def test_groups_are_shown_where_a_model_knows_nothing_else(app, coarse_runs):
    """A model of any hemorrhage is drawn and tested on the group without being asked for."""
    test = app(coarse_runs, "structures")
    assert not test.error
    assert _table(test, "model_mean", "mark")["label"].unique().tolist() == ["hemorrhage", "overall"]


def test_all_models_are_shown_at_first(app, toy_board):
    """Not the first three; where there are more than fit, the label says how many."""
    test = app(toy_board, "structures")
    models = next(one for one in test.multiselect if one.label == "Models")
    assert models.value == models.options
