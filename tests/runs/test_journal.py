import pandas as pd

from ctbench.runs.folder import RunFolder
from ctbench.runs.journal import Cost, note_cost, settle_times


def test_the_last_cost_of_a_case_in_a_phase_counts(tmp_path):
    """A case that was tried again has one row; rows are sorted by phase and case."""
    paths = RunFolder(tmp_path)
    for cost in (
        Cost("b", "score", 1, 2),
        Cost("a", "score", 3, 4),
        Cost("b", "score", 5, 6),
        Cost("a", "predict", 7, 8),
    ):
        note_cost(paths, cost)
    settle_times(paths)
    times = pd.read_parquet(paths.times)
    assert times["case"].tolist() == ["a", "a", "b"]
    assert times["seconds"].tolist() == [7, 3, 5]


def test_lines_that_are_no_costs_are_left_out(tmp_path):
    """What a killed process or another version wrote stops no run."""
    paths = RunFolder(tmp_path)
    note_cost(paths, Cost("a", "score", 1, 2))
    with paths.costs.open("ab") as file:
        file.write(b'{"case": "b"}\n{"case": "c", "phase": "sco\n' + b"[" * 100_000 + b"\n\xff\n")
    settle_times(paths)
    assert pd.read_parquet(paths.times)["case"].tolist() == ["a"]
