"""HTML that escapes."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.report.page.markup import Cell, Column, Html, details, element, join, paragraph, table


class _Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def _parsed(html):
    parser = _Texts()
    parser.feed(html)
    parser.close()
    return parser


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_text_comes_back_as_it_was(text):
    """Whatever a name holds, a browser reads the name and no element of its own from content and attributes."""
    parsed = _parsed(element("td", text, title=text))
    assert [tag for tag, _ in parsed.tags] == ["td"]
    assert "".join(parsed.texts) == text
    assert parsed.tags[0][1]["title"] == text


def test_html_is_kept_and_none_left_out():
    """What is HTML already is not escaped again, and None adds nothing."""
    assert element("p", Html("<b>x</b>"), None, "<i>") == "<p><b>x</b>&lt;i&gt;</p>"
    assert isinstance(join(["a"]), Html)


def test_quotes_cannot_end_an_attribute():
    """In an attribute quotes are escaped, in HTML too, and they come back as they were."""
    for value in ("\"a\" 'b'", Html("\"a\" 'b'")):
        made = element("i", title=value)
        assert made.count('"') == 2
        assert _parsed(made).tags == [("i", {"title": "\"a\" 'b'"})]


def test_attribute_names():
    """Underscores become hyphens, one at the end is dropped, None is left out."""
    assert element("th", class_="a", data_order=1, scope=None) == '<th class="a" data-order="1"></th>'


def test_void_elements_are_not_closed():
    """An image has no end tag."""
    assert element("img", src="x", alt="y") == '<img src="x" alt="y">'


def test_paragraph_and_details():
    """Small elements carry kind and summary."""
    assert paragraph("a", kind="how") == '<p class="how">a</p>'
    assert details("more", "less") == "<details><summary>more</summary>less</details>"


def test_table_carries_values_to_sort_by():
    """Cells show text and carry their order; a cell without a finite value carries none."""
    columns = [Column("Name", numeric=False), Column("Value", "mm", group="g")]
    html = table(columns, [[Cell("a"), Cell("1.50", 1.5)], [Cell("b"), Cell("–", float("nan"))]], "caption")
    assert '<td class="number" data-order="1.5">1.50</td>' in html
    assert '<td class="number">–</td>' in html
    assert '<th scope="row">a</th>' in html
    assert html.count("<tr") == 4  # groups, heads, two rows


def test_columns_of_one_group_share_a_head():
    """Neighbours of one group get one head across them; columns without a group get none."""
    columns = [Column("a"), Column("b", group="x"), Column("c", group="x"), Column("d", group="y")]
    html = table(columns, [[Cell("1")] * 4], "caption")
    assert '<td colspan="1"></td>' in html
    assert '<th colspan="2" class="group" scope="colgroup">x</th>' in html
    assert '<th colspan="1" class="group" scope="colgroup">y</th>' in html


def test_a_row_of_another_length_is_a_mistake():
    """Cells and columns must be as many."""
    with pytest.raises(ValueError, match="zip"):
        table([Column("a")], [[Cell("1"), Cell("2")]], "caption")


def test_long_words_may_wrap():
    """Long names get a class under which they wrap."""
    html = table([Column("a", numeric=False)], [[Cell("x" * 500)], [Cell("short")]], "caption")
    assert html.count('class="long"') == 1


def test_columns_of_texts_are_sorted_by_what_they_show():
    """Left-aligned heads with an optional hint, and cells whose order is their text."""
    assert Column.text("Case", hint="one scan") == Column("Case", numeric=False, hint="one scan")
    assert Cell.text("c1", "long") == Cell("c1", "c1", "long")


def test_a_table_shows_its_caption_heads_and_cells_only():
    """In this order, and nothing else."""
    parsed = _parsed(table([Column.text("Case"), Column("Dice")], [[Cell.text("c1"), Cell("0.9", 0.9)]], "Scores"))
    assert [text for text in map(str.strip, parsed.texts) if text] == ["Scores", "Case", "Dice", "c1", "0.9"]
