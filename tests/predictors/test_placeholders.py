import pytest

from ctbench.predictors.placeholders import filled, placeholders


def test_a_placeholder_is_a_name_in_braces():
    """JSON, attributes, formats and empty braces are plain text."""
    text = "{image} {a_1}{b} {} {x.y} {x!r} {x:1} {'x': 1} {{c}}"
    assert placeholders(text) == {"image", "a_1", "b", "c"}


def test_values_are_put_in_as_they_are():
    """Braces and backslashes in a value are not read again; a placeholder without a value is an error."""
    assert filled(["{a}{b}", "{x.y}"], {"a": "{b}", "b": r"\\1"}) == [r"{b}\\1", "{x.y}"]
    with pytest.raises(KeyError, match="absent"):
        filled(["{absent}"], {})
