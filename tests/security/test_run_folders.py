"""Run folders of a stranger: probabilities, files that are none, and predictions that promise too much."""

import gzip
import os
import struct

import numpy as np
import pandas as pd
import pytest

from ctbench.boards import open_board, rebuild, submit
from ctbench.errors import DataError, StoreError
from ctbench.runs import Execution, open_run, run, verify
from ctbench.runs.forecasts import FORECAST_COLUMNS, forecast_part, is_whole_forecast_part, write_forecast_part

HERE = Execution(jobs=1, cached=False)


@pytest.fixture
def unsure_run(unsure, blobs, tmp_path, nowhere):
    """A run that keeps probabilities."""
    return run(blobs, unsure(), tmp_path / "run", metrics=["dice"], jobs=1, keep_probabilities=True)


def sure(path):
    """Change the table as if the model had been sure of every voxel."""
    pd.read_parquet(path).assign(code=255).to_parquet(path)


def test_edited_probabilities_on_a_board_are_not_shown(unsure_run, tmp_path):
    """The page on uncertainty opens no such run, and the owner's rebuild lists it with the reason."""
    board = tmp_path / "board"
    digest, _ = submit(unsure_run, board)
    assert open_board(board).run(digest).manifest == unsure_run.manifest
    sure(board / "runs" / digest / "probabilities.parquet")
    with pytest.raises(StoreError, match=f"run {digest} was changed on the board"):
        open_board(board).run(digest)
    problem = rebuild(board).runs.iloc[0]["problem"]
    assert problem.startswith(f"probabilities.parquet of run {digest} was changed after the run was made")


def test_edited_probabilities_are_not_submitted(unsure_run, tmp_path):
    """What reaches the board has the digest that the run states."""
    sure(unsure_run.folder / "probabilities.parquet")
    with pytest.raises(StoreError, match="was changed since it was made"):
        submit(unsure_run, tmp_path / "board")
    assert not list((tmp_path / "board").glob("runs/*"))


def test_a_table_of_probabilities_that_no_digest_covers_is_not_submitted(finished_run, bright, tmp_path):
    """A run that keeps no probabilities cannot publish a file under their name."""
    kept = finished_run(bright, "dice")
    (kept.folder / "probabilities.parquet").write_text("anything")
    with pytest.raises(StoreError, match="keeps no probabilities; remove it"):
        submit(kept, tmp_path / "board")


def test_a_bit_of_a_part_of_probabilities_is_never_counted(tmp_path):
    """Wherever a bit of it flips, the part is made anew."""
    rows = pd.DataFrame([["a", "a", "iph", "box", "[]", "", 3, 7]], columns=list(FORECAST_COLUMNS))
    part = tmp_path / "000.parquet"
    write_forecast_part([rows], part)
    assert is_whole_forecast_part(part)
    content = forecast_part(part).read_bytes()
    for place in np.linspace(0, len(content) - 1, 40).astype(int):
        flipped = bytearray(content)
        flipped[place] ^= 1
        forecast_part(part).write_bytes(flipped)
        assert not is_whole_forecast_part(part)


@pytest.mark.parametrize("kind", ["pipe", "folder"])
@pytest.mark.parametrize("name", ["predictions/a.json", "scores.parquet"])
def test_what_is_no_file_is_not_read(finished_run, bright, blobs, tmp_path, name, kind):
    """A named pipe would be read for ever; verification and submission end with a sentence."""
    kept = finished_run(bright, "dice")
    path = kept.folder / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    for refuse in (lambda run: verify(run, blobs, execution=HERE), lambda run: submit(run, tmp_path / "board")):
        with pytest.raises(StoreError, match=f"{path} is not a regular file"):
            refuse(open_run(kept.folder))


def promise(path, voxels):
    """Let the header of a NIfTI file promise an image of so many voxels along each axis, and hold none of them."""
    header = bytearray(gzip.decompress(path.read_bytes())[:352])
    struct.pack_into("<3h", header, 42, *(voxels,) * 3)
    path.write_bytes(gzip.compress(bytes(header)))


@pytest.mark.parametrize("name", ["b.nii.gz", "b_hemorrhage.prob.nii.gz"])
def test_predictions_that_promise_gigabytes_are_not_inflated(unsure_run, blobs, name):
    """Whoever verifies a stranger's run reads the header first, of label maps and of probabilities."""
    promise(unsure_run.folder / "predictions" / name, 20_000)
    with pytest.raises(DataError, match=r"promises \d+ bytes of voxels; expected at most"):
        verify(unsure_run, blobs, execution=HERE)
