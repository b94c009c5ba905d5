"""A folder that was edited on the board is never shown as verified, and never with better numbers."""

import json
import shutil

import pandas as pd
import pyarrow.parquet as pq
import pytest

from ctbench.boards import CHECKED, Record, open_board, rebuild, submit, verify_board
from ctbench.errors import StoreError
from ctbench.files import sha256
from ctbench.runs import Execution, run
from ctbench.runs.folder import RunFolder

HERE = Execution(jobs=1, cached=False)


@pytest.fixture
def board(blobs, late, tmp_path, nowhere):
    """A board with one run, which its owner verified."""
    digest, _ = submit(run(blobs, late("poor", 3), tmp_path / "run", metrics=["dice"], jobs=1), tmp_path / "board")
    record, _ = verify_board(tmp_path / "board", Record(), lambda name: blobs, execution=HERE)
    assert record.holds(digest)
    record.write(tmp_path / "record.json")
    return tmp_path / "board", tmp_path / "record.json", digest


def perfect(path):
    """Let every value of a table be 1."""
    table = pq.read_table(path)
    values = pd.Series(table["value"].to_pandas()).where(lambda value: value.isna(), 1.0)
    pq.write_table(table.set_column(table.schema.get_field_index("value"), "value", [values.to_numpy()]), path)


def test_edited_tables_of_scores_are_not_shown_as_verified(board):
    """A partition with Dice 1.0 is an error on every page that would show it, until the owner rebuilds the tables."""
    place, record, digest = board
    before = open_board(place, record).scores("blobs", "dice", "majority")
    for path in (place / "leaderboard.parquet").rglob("*.parquet"):
        perfect(path)
    for read in ("scores", "grid"):
        with pytest.raises(StoreError, match=f"the dice of run {digest} on this board is not what its owner verified"):
            getattr(open_board(place, record), read)("blobs", "dice", "majority")
    rebuild(place)
    after = open_board(place, record).scores("blobs", "dice", "majority")
    assert after.astype(object).equals(before.astype(object))


def test_scores_that_were_taken_away_are_told(board):
    """A verified run cannot lose its bad cases."""
    place, record, digest = board
    for path in (place / "leaderboard.parquet").rglob("*.parquet"):
        path.unlink()
    with pytest.raises(StoreError, match=digest):
        open_board(place, record).grid("blobs", "dice", "majority")


@pytest.mark.parametrize(
    "lie",
    [
        {"rater": "another"},
        {"rules": "0" * 64},
        {"failed": 3},
        {"rater_kind": "reader"},
        {"overall_of": '["iph"]'},
        {"manifest": "{}"},
        {"cases": 2},
    ],
    ids=lambda lie: next(iter(lie)),
)
def test_an_edited_index_is_not_verified(board, lie):
    """Each column that a page believes follows from the run's own manifest, or from what the owner found."""
    place, record, _ = board
    index = pd.read_parquet(place / "index.parquet")
    assert open_board(place, record).runs["checked"].tolist() == [CHECKED[0]]
    index.assign(**lie).to_parquet(place / "index.parquet", index=False)
    assert open_board(place, record).runs["checked"].tolist() == [CHECKED[1]]


def test_a_folder_that_was_edited_whole_is_another_run(board, blobs):
    """Scores of 1.0, with every digest made anew: it is not verified, nor after the owner looks at it again."""
    place, record, digest = board
    paths = RunFolder(place / "runs" / digest)
    perfect(paths.scores)
    content = json.loads(paths.manifest.read_text()) | {"scores_digest": sha256(paths.scores)}
    paths.manifest.write_text(json.dumps(content))
    other = sha256(paths.manifest)
    shutil.move(paths.path, place / "runs" / other)
    rebuild(place)
    assert open_board(place, record).runs[["run", "checked"]].to_numpy().tolist() == [[other, CHECKED[1]]]
    found = verify_board(place, Record(), lambda name: blobs, execution=HERE)[1]
    assert found[["run", "result"]].to_numpy().tolist() == [[other, "changed"]]
    assert "value of a poor majority hemorrhage dice: stated 1.0, found" in found["reason"].iloc[0]


def test_a_run_that_was_never_verified_by_submit_is_found(blobs, board):
    """Whoever can write the board's folder need not run `submit`: the owner's verification does not depend on it."""
    place, _, digest = board
    copied = place / "runs" / ("0" * 64)
    shutil.copytree(place / "runs" / digest, copied)
    (copied / "predictions" / "key").symlink_to("/etc/hostname")
    found = verify_board(place, Record(), lambda name: blobs, execution=HERE)[1].set_index("run")["result"]
    assert found.to_dict() == {digest: "held", "0" * 64: "not checked"}


def test_two_runs_with_equal_predictions_are_flagged(late, blobs, board, tmp_path):
    """Under another name they are still those of the run that was there before."""
    place, _, digest = board
    other, _ = submit(run(blobs, late("mine", 3), tmp_path / "other", metrics=["dice"], jobs=1), place)
    found = verify_board(place, Record(), lambda name: blobs, execution=HERE)[1].set_index("run")
    assert found["result"].to_dict() == {digest: "held", other: "flagged"}
    assert f"the prediction is that of run {digest[:12]} (poor), voxel for voxel" in found.loc[other, "reason"]
