import pytest

from ctbench.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ± ü 漢 字", "plain ± ü 漢 字"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u202eevil", r"\u202eevil"),
        ("thin\u2009and\u00a0hard spaces", "thin\u2009and\u00a0hard spaces"),
    ],
)
def test_only_what_a_terminal_acts_on_is_escaped(text, shown):
    """Escape sequences in both forms, line ends and changes of direction; letters, signs and spaces stay."""
    assert printable(text) == shown


def test_line_ends_may_stay():
    """Where a text of several lines is meant."""
    assert printable("a\nb\x1b", keep="\n") == "a\nb\\x1b"
