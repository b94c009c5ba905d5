import json

import pytest

from ctbench.runs.folder import RunFolder
from ctbench.volume import read_volume, write_volume

MODEL = """
import numpy as np
import ctbench


class Bright:
    def __init__(self, threshold=50):
        self.threshold = threshold
        labels = ctbench.LabelSet({"hemorrhage": 1})
        self.info = ctbench.PredictorInfo(name="mine", version="1", labels=labels)

    def predict(self, image):
        return ctbench.Prediction((image.array > self.threshold).astype(np.uint8))
"""


@pytest.fixture
def made(ctbench, blobs_folder, tmp_path):
    """A whole run of a predictor in the working folder, and what every command needs to know of its dataset."""
    (tmp_path / "work" / "checked_model.py").write_text(MODEL)
    dataset = ("-d", blobs_folder / "blobs.yaml")
    quick = ("--metric", "dice", "--metric", "hd95", "-j", 1, "--trust")
    result = ctbench("run", "checked_model:Bright", *dataset, "--split", "all", "--out", "run", *quick)
    assert result.exit_code == 0, result.err
    return tmp_path / "work" / "run", (*dataset, "-j", 1)


def test_a_run_that_holds_ends_with_zero(ctbench, made):
    """A sentence for people, an empty list for programs."""
    run, dataset = made
    result = ctbench("verify", run, *dataset)
    assert (result.exit_code, result.out) == (0, "")
    assert result.err.splitlines()[-1] == f"ctbench: {run} holds"
    assert json.loads(ctbench("verify", run, *dataset, "--json").out) == []
    assert ctbench("verify", run, *dataset, "--repredict", "--trust").exit_code == 0


def test_a_number_that_moved_ends_with_one(ctbench, made):
    """The table has what was expected and what was found."""
    run, dataset = made
    path = RunFolder(run).prediction("a")
    volume = read_volume(path)
    write_volume(volume.with_array(volume.array[:, ::-1]), path)
    result = ctbench("verify", run, *dataset, "--json")
    assert result.exit_code == 1
    rows = json.loads(result.out)
    assert {row["what"] for row in rows} == {"predictions_digest", "value"}
    assert {row["case"] for row in rows} == {"", "a"}
    assert "things moved in" in result.err
    assert "predictions_digest" in ctbench("verify", run, *dataset).out
    assert ctbench("verify", run, *dataset, "--csv").out.startswith("what,case,rater,")


def test_a_lock_is_written_and_held(ctbench, made):
    """Committed once, it fails the build that gives other numbers."""
    run, dataset = made
    result = ctbench("lock", run, "--json")
    assert result.exit_code == 0
    assert {row["metric"] for row in json.loads(result.out)} == {"dice", "hd95"}
    file = run.parent / "ctbench.lock"
    assert ctbench("verify", run, *dataset, "--lock", file).exit_code == 0
    file.write_text(file.read_text().replace("n: 4", "n: 5"))
    result = ctbench("verify", run, *dataset, "--lock", file, "--json")
    assert result.exit_code == 1
    assert [row["what"] for row in json.loads(result.out)] == ["n", "n"]
    assert ctbench("verify", run, *dataset, "--lock", "absent.lock").exit_code == 2


def test_a_drop_ends_with_one(ctbench, made):
    """`compare` is what a pull request is held to: equal runs pass, a worse one does not."""
    run, dataset = made
    assert ctbench("compare", run, run, "--fail-if", "dice:-0.005").exit_code == 0
    worse = ("checked_model:Bright", "--option", "threshold=100", "--split", "all", "--metric", "dice", "--trust")
    assert ctbench("run", *worse, *dataset, "--out", "worse").exit_code == 0
    result = ctbench("compare", run, "worse", "--fail-if", "dice:-0.005", "--json")
    assert result.exit_code == 1
    rows = json.loads(result.out)
    assert [row["label"] for row in rows] == ["hemorrhage"]
    assert rows[0]["second"] == 0
    assert "ctbench: dice of hemorrhage went from" in result.err
    assert ctbench("compare", run, "worse", "--fail-if", "dice").exit_code == 2


def test_runs_without_caches_leave_none(ctbench, made, tmp_path):
    """`--no-cache` keeps nothing."""
    _, dataset = made
    before = sorted((tmp_path / ".cache").rglob("*"))
    assert before
    quick = ("--option", "threshold=51", "--metric", "dice", "--trust", "--no-cache")
    assert ctbench("run", "checked_model:Bright", *dataset, "--out", "other", *quick).exit_code == 0
    assert sorted((tmp_path / ".cache").rglob("*")) == before


def test_a_verified_run_is_handed_in_and_taken_back(ctbench, made):
    """A run whose numbers moved is not; one that is there already changes nothing."""
    run, dataset = made
    result = ctbench("submit", run, "--to", "board", *dataset, "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.out)
    assert row["result"] == "added"
    assert json.loads(ctbench("submit", run, "--to", "board", *dataset, "--json").out)[0]["result"] == "there already"
    assert ctbench("withdraw", row["run"], "--from", "board", "--reason", "wrong").exit_code == 0
    assert "was withdrawn" in ctbench("submit", run, "--to", "board", *dataset).err
    RunFolder(run).prediction("a").write_bytes(RunFolder(run).prediction("b").read_bytes())
    result = ctbench("submit", run, "--to", "other", *dataset)
    assert result.exit_code == 1
    assert "was not handed in" in result.err
    assert not (run.parent / "other").exists()


def test_shards_are_made_and_merged(ctbench, made):
    """Two array jobs with one --out, and a run that equals the one that was never split."""
    run, dataset = made
    quick = ("--split", "all", "--metric", "dice", "--metric", "hd95", "--trust")
    for number in (1, 2):
        result = ctbench("run", "checked_model:Bright", *dataset, *quick, "--out", "big", "--shard", f"{number}/2")
        assert result.exit_code == 0, result.err
    assert ctbench("merge", "big.shard-1-of-2", "--out", "big").exit_code == 2
    result = ctbench("merge", "big.shard-2-of-2", "big.shard-1-of-2", "--out", "big", "--json")
    assert result.exit_code == 0, result.err
    assert (run.parent / "big" / "run.json").read_bytes() == (run / "run.json").read_bytes()
    assert (run.parent / "big" / "scores.parquet").read_bytes() == (run / "scores.parquet").read_bytes()
    assert ctbench("run", "checked_model:Bright", *dataset, "--shard", "3/2").exit_code == 2
