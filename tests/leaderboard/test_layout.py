"""Words, tables and notes on a page of their own, without a server."""

import pytest
from streamlit.testing.v1 import AppTest

HOSTILE = "<b>x</b> **y** [z](http://z) $x^2$ :smile:"


def _page(words):
    import pandas as pd

    from leaderboard import layout

    layout.text(words, "title")
    layout.facts([(words, 3)])
    layout.legend({words: (1, 2, 3)})
    layout.note(words, "warning")
    layout.code(words)
    with layout.folded("More"):
        layout.text("inside")
    layout.table(pd.DataFrame({"rater_name": [words, "b"], "n": [1, 2]}), "rows", shade=pd.Series(["#fff", None]))
    layout.empty_board(words)


@pytest.fixture
def page():
    """The page with hostile words in every place."""
    test = AppTest.from_function(_page, args=(HOSTILE,)).run()
    assert not test.exception
    return test


def test_nothing_in_words_is_markup(page):
    """Titles, facts and legends hold them letter by letter."""
    html = "\n".join(one.proto.body for one in page.html)
    assert "<b>x</b>" not in html
    assert html.count("&lt;b&gt;x&lt;/b&gt;") == 4
    assert "rgb(1, 2, 3)" in html


def test_notes_escape_markdown(page):
    """What markdown would read has a backslash before it; without them the words are the same."""
    (note,) = page.warning
    assert note.value.replace("\\", "") == HOSTILE
    for sign in "<*[$:":
        assert f"\\{sign}" in note.value


def test_code_is_shown_as_it_would_be_typed(page):
    """Without a language, so that nothing is coloured."""
    assert page.code[0].value == HOSTILE


def test_a_table_can_be_downloaded_in_two_forms(page):
    """Rows are shown as they are, whatever their shade."""
    frame = page.dataframe[0].value
    assert frame["rater_name"].tolist() == [HOSTILE, "b"]
    assert frame["n"].tolist() == [1, 2]
    assert [button.proto.label for button in page.get("download_button")] == ["CSV", "Parquet"]


def test_a_section_is_folded(page):
    """Its words are inside."""
    (section,) = page.expander
    assert section.label == "More"
    assert "inside" in section.get("html")[0].proto.body


def test_an_empty_board_says_how_to_fill_it(page):
    """The commands are there to be copied."""
    assert "ctbench submit" in page.code[-1].value
