"""The cache of boards and of what pages compute."""

import sys
from dataclasses import replace

import pytest
import streamlit as st

from ctbench.boards import submit
from ctbench.report.frames.comparable_runs import comparable_runs
from leaderboard import reading
from leaderboard.selection import Selection, Structure


@pytest.fixture
def growing_board(toy_runs, tmp_path, monkeypatch):
    """A board that holds the readers and one model so far."""
    for name in ("readers", "sharp"):
        submit(toy_runs[name], tmp_path / "board")
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path / "board")])
    st.cache_resource.clear()
    return tmp_path / "board"


def test_a_board_is_opened_again_after_a_submission(growing_board, toy_runs):
    """The same board is returned while nothing changes, and one with the new run after a submission."""
    before = reading.board()
    assert reading.board() is before
    submit(toy_runs["blunt"], growing_board)
    reading._version.clear()  # else the next look at the folder is some seconds away
    assert set(reading.board().runs["rater"]) == {*before.runs["rater"], "blunt"}


def _selection(board):
    (runs,) = comparable_runs(board, "toy")
    return Selection(board, runs, Structure("iph", ("iph",), overall=False), "dice", "majority")


def test_cached_results_belong_to_one_state_of_a_board(growing_board, toy_runs):
    """A function is called once for equal arguments, and again for another selection or after a submission."""
    calls = []

    @reading.cached()
    def counted(selection, number):
        calls.append((selection.metric, number))
        return len(selection.runs.index)

    before = _selection(reading.board())
    assert counted(before, 1) == counted(_selection(reading.board()), 1) == 2
    assert len(calls) == 1
    counted(before, 2)
    counted(replace(before, metric="hd95"), 1)
    counted(replace(before, structure=Structure("ivh", ("ivh",), overall=False)), 1)
    assert len(calls) == 4
    submit(toy_runs["blunt"], growing_board)
    reading._version.clear()
    assert counted(_selection(reading.board()), 1) == 3
    assert len(calls) == 5
