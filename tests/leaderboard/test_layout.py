"""Words, tables and notes on a page of their own, without a server."""

import json

import pyarrow as pa
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
    small = pd.DataFrame({"rater": ["a", "b"], "p_holm": [0.00001, None], "mean": [0.5, 0.25]})
    layout.table(small, "tested")
    layout.table(pd.concat([small] * 200), "many", columns={"p_holm": "P Holm"})
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
    assert [button.proto.label for button in page.get("download_button")] == ["CSV", "Parquet"] * 3


def test_p_values_are_those_of_the_report(page):
    """A small one is "<.001" on the page and a number in the rows; in a long table it has three digits."""
    short, long = page.dataframe[1], page.dataframe[2]
    shown = pa.ipc.open_stream(short.proto.arrow_data.styler.display_values).read_pandas()
    assert shown["p_holm"].tolist() == ["<.001", "–"]
    assert short.value["p_holm"].iloc[0] == pytest.approx(0.00001)
    assert not long.proto.arrow_data.styler.display_values
    assert json.loads(long.proto.columns)["p_holm"]["type_config"]["format"] == "%.3f"


def test_a_section_is_folded(page):
    """Its words are inside."""
    (section,) = page.expander
    assert section.label == "More"
    assert "inside" in section.get("html")[0].proto.body


def test_an_empty_board_says_how_to_fill_it(page):
    """The commands are there to be copied."""
    assert "ctbench submit" in page.code[-1].value
