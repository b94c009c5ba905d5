import shutil

import pandas as pd
import pytest

from ctbench.boards import board_stamp, open_board, submit
from ctbench.runs import READERS, run


@pytest.fixture
def folder(blobs, bright, tmp_path):
    """A folder of runs that were not submitted, as `ctbench demo` leaves it."""
    for spec, name in ((bright, "bright"), (READERS, "readers")):
        run(blobs, spec, tmp_path / "runs" / "blobs" / name, metrics=["dice", "hd95"], jobs=1)
    return tmp_path / "runs"


def test_a_folder_of_runs_is_read_like_a_board(folder, tmp_path):
    """The same runs submitted give the same index, partitions, scores and grids; nothing is written."""
    loose = open_board(folder)
    before = sorted(folder.rglob("*"))
    for path in (folder / "blobs" / "bright", folder / "blobs" / "readers"):
        submit(loose.run(loose.runs.loc[loose.runs["rater"] == path.name, "run"].iloc[0]), tmp_path / "board")
    board = open_board(tmp_path / "board")
    order = ["rater"]
    for name in ("run", "rater", "cases", "failed", "rules", "overall_of", "metrics", "trained_here", "problem"):
        pd.testing.assert_series_equal(
            loose.runs.sort_values(order)[name].reset_index(drop=True),
            board.runs.sort_values(order)[name].reset_index(drop=True),
        )
    assert sorted(loose.partitions("blobs")) == sorted(board.partitions("blobs"))
    assert ("hd95", "majority-without-r2") in loose.partitions("blobs")
    for reference in ("majority", "majority-without-r1", "nobody"):
        one, other = (
            where.scores("blobs", "dice", reference).astype(object).sort_values(["case", "rater", "label"])
            for where in (loose, board)
        )
        pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True))
        first, second = (where.grid("blobs", "dice", reference) for where in (loose, board))
        assert (first.cases, first.labels, first.entries) == (second.cases, second.labels, second.entries)
    assert sorted(folder.rglob("*")) == before


def test_a_broken_run_in_a_folder_is_listed(folder):
    """It stands there with the reason, and the others are shown."""
    shutil.copytree(folder / "blobs" / "bright", folder / "broken")
    (folder / "broken" / "run.json").write_text("{}")
    (folder / "half").mkdir()
    runs = open_board(folder).runs
    assert runs["problem"].ne("").sum() == 1
    assert runs["rater"].tolist().count("bright") == 1


def test_only_some_runs_are_read(folder):
    """Digests choose."""
    opened = open_board(folder)
    own = opened.runs.loc[opened.runs["rater"] == "bright", "run"].tolist()
    assert set(opened.scores("blobs", "dice", "majority", own)["rater"]) == {"bright"}
    assert opened.scores("blobs", "dice", "majority", []).empty


def test_the_stamp_changes_with_the_runs(folder, tmp_path):
    """What was read is kept as long as nothing changes, of folders and of boards."""
    before = board_stamp(folder)
    assert board_stamp(folder) == before
    opened = open_board(folder)
    board = tmp_path / "board"
    stamps = [board_stamp(board)]
    for digest in opened.runs["run"]:
        submit(opened.run(digest), board)
        stamps.append(board_stamp(board))
    assert len(set(stamps)) == 3
    shutil.rmtree(folder / "blobs" / "bright")
    assert board_stamp(folder) != before
