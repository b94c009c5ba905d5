"""The page case: slices by case id, the worst case first."""

import importlib.util
import re

import pytest
import streamlit as st

from ctbench.report.frames.case_order import worst_first


def _words(test):
    """All words of the page that are not in a control or a table."""
    return [re.sub("<[^>]*>", "", one.proto.body) for one in test.html]


def _options(test, label):
    return next(box.options for box in test.selectbox if box.label.startswith(label))


def _value(test, label):
    return next(box.value for box in test.selectbox if box.label.startswith(label))


def _pictures(test):
    return test.image


def test_the_worst_case_comes_first(app, toy_board, toy_runs):
    """The cases are sorted by the Dice of the chosen rater, averaged as the table says; the first is shown."""
    test = app(toy_board, "case", rater="sharp")
    scores = toy_runs["sharp"].scores
    dice = scores[(scores["metric"] == "dice") & scores["reference"].str.contains("-without-")]
    expected = worst_first(dice, ("iph", "ivh"))["case"].tolist()
    assert list(_options(test, "Case")) == expected
    assert _value(test, "Case") == expected[0]
    assert any(words.startswith(f"{expected[0]}: Dice") for words in _words(test))
    assert len(_pictures(test)) == 2


def test_a_link_shows_its_slice(app, toy_board):
    """Rater, case, slice, window and overlay are in the address."""
    query = {"rater": "sharp", "case": "case3", "slice": "2", "show": "image", "window": "bone", "structure": "ivh"}
    test = app(toy_board, "case", **query)
    assert _value(test, "Case") == "case3"
    assert test.slider[0].value == 2
    assert len(_pictures(test)) == 1
    assert any("case3: Dice" in words for words in _words(test))


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "case9", "<b>"])
def test_only_cases_can_be_asked_for(app, toy_board, name):
    """A case in the address that is none of the dataset's shows the first instead; no path gets anywhere."""
    test = app(toy_board, "case", case=name)
    assert _value(test, "Case") in {f"case{number}" for number in range(1, 6)}


def test_another_case_begins_at_its_worst_slice(app, toy_board):
    """The slice that was chosen in one case is not kept for the next."""
    test = app(toy_board, "case", rater="sharp", case="case1", structure="iph")
    test.slider[0].set_value(6).run()
    assert test.slider[0].value == 6
    box = next(box for box in test.selectbox if box.label.startswith("Case"))
    box.set_value("case2").run()
    assert 2 <= test.slider[0].value <= 4  # where the blob is


def test_a_case_without_a_prediction_says_so(app, toy_board):
    """Where the model failed, the image is shown with the reason."""
    test = app(toy_board, "case", rater="blunt", case="case2")
    assert any("no prediction" in warning.value for warning in test.warning)
    assert any("failed" in words for words in _words(test))
    assert _pictures(test)


def test_a_reader_stands_on_the_reference_of_the_others(app, toy_board):
    """There is no choice of the reference for a reader, and the pictures say which it is."""
    test = app(toy_board, "case", rater="ben")
    assert "Against" not in [box.label for box in test.selectbox]
    assert any("majority-without-ben" in words for words in _words(test))


def test_outlines_of_several(app, toy_board):
    """Readers are outlined at first, and the legend names them and the reference."""
    test = app(toy_board, "case", rater="sharp", show="outlines")
    assert {"ann", "ben", "cem", "sharp"} == set(test.multiselect[0].value)
    assert any(all(name in words for name in ("reference", "ann", "sharp")) for words in _words(test))


def test_scores_of_the_case(app, toy_board, toy_runs):
    """They are the run's, on the reference that the pictures show."""
    test = app(toy_board, "case", rater="sharp", case="case1", reference="majority")
    shown = test.dataframe[0].value.set_index("structure")
    rows = toy_runs["sharp"].scores.query("case == 'case1' and reference == 'majority' and metric == 'dice'")
    assert shown["Dice"].to_dict() == pytest.approx(rows.set_index("label")["value"].to_dict())


def test_images_that_are_not_here(app, toy_board, monkeypatch):
    """Without the dataset the page says so, and still shows the scores and the order of cases."""
    st.cache_resource.clear()
    monkeypatch.setattr("leaderboard.reading.catalogs", tuple)
    test = app(toy_board, "case", rater="sharp")
    assert any("There are no pictures" in note.value for note in test.info)
    assert not _pictures(test)
    assert len(test.dataframe) == 2


def test_without_the_extra_there_is_no_viewer_to_switch_on(app, toy_board, monkeypatch):
    """The page is whole all the same."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    test = app(toy_board, "case", rater="sharp", viewer="true")
    assert not [one for one in test.toggle if one.label == "3D viewer"]
    assert len(_pictures(test)) == 2
