"""What the shared controls select, read from the toy board."""

import sys

import numpy as np
import pandas as pd
import pytest

from ctbench.boards import open_board
from ctbench.errors import DataError, MissingFileError
from ctbench.report.frames.comparable_runs import comparable_runs
from ctbench.report.frames.tables import ALL_READERS, LEAVE_ONE_OUT
from leaderboard.selection import Selection, Structure, scores_of, structures_of


@pytest.fixture
def selection(toy, toy_board, monkeypatch):
    """A function that selects a reference of the toy board."""
    monkeypatch.setattr(sys, "argv", ["app.py", str(toy_board), f"--catalog={toy}"])
    board = open_board(toy_board)
    (runs,) = comparable_runs(board, "toy")
    return lambda reference: Selection(board, runs, Structure("iph", ("iph",), overall=False), "dice", reference)


def test_scores_are_those_of_the_runs(selection, toy_runs):
    """Of the chosen metric and reference, for all raters or for some."""
    chosen = selection("majority")
    scores = chosen.scores(raters=["sharp"])
    own = toy_runs["sharp"].scores.query("metric == 'dice' and reference == 'majority'")
    keys = ["case", "label"]
    found = scores.set_index(keys)["value"].sort_index()
    pd.testing.assert_series_equal(found, own.set_index(keys)["value"].sort_index(), check_index_type=False)
    assert set(chosen.scores()["rater"]) >= {"sharp", "blunt", "ann"}
    assert set(chosen.scores("hd95")["metric"]) == {"hd95"}
    assert scores_of(chosen.runs, "dice", "majority", ("sharp",)) is scores


def test_a_reference_stands_for_one_grid_or_several(selection):
    """Leave-one-out is one grid for each reader who is left out."""
    assert len(selection("majority").grids()) == 1
    assert len(selection(LEAVE_ONE_OUT).grids()) == 3
    assert selection("majority").unit() == "1"


def test_readers_stand_together_only_where_each_is_left_out(selection):
    """On the common reference they are single; models come first but for the readers as one."""
    assert selection(LEAVE_ONE_OUT).raters()[0] == ALL_READERS
    assert ALL_READERS not in selection("majority").raters()
    assert selection("majority").readers() == ("ann", "ben", "cem")
    assert set(selection("majority").raters()) == {"sharp", "blunt", "ann", "ben", "cem"}


def test_runs_and_dataset_are_opened(selection, toy_runs):
    """With predictions and images; an unknown patient is nobody's."""
    chosen = selection("majority")
    found, expected = (one.prediction("case1").array for one in (chosen.run("sharp"), toy_runs["sharp"]))
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(MissingFileError):
        chosen.run("blunt").prediction("case2")
    assert [case.id for case in chosen.dataset()] == [f"case{number}" for number in range(1, 6)]


def test_a_dataset_that_is_elsewhere_has_no_patients(selection, toy_board, monkeypatch):
    """Without its catalogue it is not found; pages go on without it."""
    monkeypatch.setattr(sys, "argv", ["app.py", str(toy_board)])
    with pytest.raises(DataError):
        selection("majority").dataset()
    assert selection("majority").patients() == {}


def test_means_stand_before_single_structures(selection):
    """The widest mean first, then labels, then groups; each structure once."""
    found = structures_of(selection("majority").runs)
    assert [one.over for one in found if one.overall] == [("iph", "ivh")]
    assert [one.title for one in found if not one.overall] == ["iph", "ivh", "hemorrhage"]
    assert found[0].overall
