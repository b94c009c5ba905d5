"""Suggestions for misspelt names."""

from ctbench.suggestions import suggestion


def test_a_similar_name_is_suggested():
    """The nearest one, or several where several are wanted."""
    assert suggestion("dise", ["hd95", "dice"]) == "did you mean 'dice'?"
    assert suggestion("reader", ["reader1", "reader2", "dice"], most=2) == "did you mean 'reader2' or 'reader1'?"


def test_without_a_similar_name_all_are_listed():
    """Also when there are none."""
    assert suggestion("xyz", ["a", "b"], otherwise="installed:") == "installed: a, b"
    assert suggestion("xyz", []) == "known: none"
