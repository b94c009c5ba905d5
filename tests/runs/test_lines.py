import pytest

from ctbench.errors import StoreError
from ctbench.runs.lines import append_line, read_lines


def test_what_is_appended_is_read_back(tmp_path):
    """In order; an absent file is empty."""
    path = tmp_path / "log"
    assert list(read_lines(path)) == []
    append_line(path, {"a": 1})
    append_line(path, {"b": "ä\n"})
    assert list(read_lines(path)) == [{"a": 1}, {"b": "ä\n"}]


def test_a_line_that_was_cut_harms_no_other(tmp_path):
    """The half line is left out, and what is appended after it is whole."""
    path = tmp_path / "log"
    append_line(path, {"a": 1})
    with path.open("ab") as file:
        file.write('{"b": "ä'.encode()[:-1])
    append_line(path, {"c": 3})
    with path.open("a") as file:
        file.write("[]\n")
    assert list(read_lines(path)) == [{"a": 1}, {"c": 3}]


def test_a_file_that_cannot_be_written_is_a_store_error(tmp_path):
    """A sentence, not a traceback."""
    with pytest.raises(StoreError, match="cannot write"):
        append_line(tmp_path / "absent" / "log", {})
