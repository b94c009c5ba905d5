import pytest

from ctbench.markdown import inert, table_of


@pytest.mark.parametrize(
    ("evil", "shown"),
    [
        ("<script>x</script>", "&lt;script>x&lt;/script>"),
        ("![](http://example.org/seen.png)", r"!\[\](http://example.org/seen.png)"),
        ("a | b", r"a \| b"),
        ("one\n# two", "one # two"),
        ("`**code**`", r"\`\*\*code\*\*\`"),
        ("hybrid_mask-rcnn 1.0", "hybrid_mask-rcnn 1.0"),
    ],
)
def test_a_text_is_only_a_text(evil, shown):
    """HTML, pictures, cells, headings and emphasis come out as the signs that they are written with."""
    assert inert(evil) == shown


def test_each_row_of_a_table_has_the_columns_of_its_head():
    """Whatever stands in a cell, it stays one cell of one line."""
    table = table_of(("name", "n"), [("a|b\nc", 1), ("d", 2)])
    assert table.splitlines() == ["| name | n |", "| --- | --- |", r"| a\|b c | 1 |", "| d | 2 |"]
