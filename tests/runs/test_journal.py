import pandas as pd
import pytest

from ctbench.errors import StoreError
from ctbench.runs.folder import RunFolder
from ctbench.runs.journal import Cost, append_line, note_cost, read_lines, settle_times


def test_the_last_cost_of_a_case_in_a_phase_counts(tmp_path):
    """A case that was tried again has one row; rows are sorted by phase and case."""
    paths = RunFolder(tmp_path)
    for cost in (
        Cost("b", "score", 1, 2),
        Cost("a", "score", 3, 4),
        Cost("b", "score", 5, 6),
        Cost("a", "predict", 7, 8),
    ):
        note_cost(paths.costs, cost)
    settle_times(paths.costs, paths.times)
    times = pd.read_parquet(paths.times)
    assert times["case"].tolist() == ["a", "a", "b"]
    assert times["seconds"].tolist() == [7, 3, 5]


def test_lines_that_are_no_costs_are_left_out(tmp_path):
    """What a killed process or another version wrote stops no run."""
    paths = RunFolder(tmp_path)
    note_cost(paths.costs, Cost("a", "score", 1, 2))
    with paths.costs.open("ab") as file:
        file.write(b'{"case": "b"}\n{"case": "c", "phase": "sco\n' + b"[" * 100_000 + b"\n\xff\n")
    settle_times(paths.costs, paths.times)
    assert pd.read_parquet(paths.times)["case"].tolist() == ["a"]


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
