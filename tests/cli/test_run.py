import json
import sys
from pathlib import Path

import pytest


def test_run_prints_where_a_model_stands_beside_the_readers(ctbench, work, blobs_folder, tmp_path):
    """The default layout keeps the model and the readers under runs/DATASET."""
    result = ctbench("run", "users_model:Model", "-d", blobs_folder / "blobs.yaml", "--json", "-j", 1)
    assert result.exit_code == 0
    raters = {row["rater"] for row in json.loads(result.out)}
    assert "mine" in raters
    assert any("reader" in rater for rater in raters)
    for name in ("users_model-Model", "readers"):
        assert (tmp_path / "work" / "runs" / "blobs" / name / "run.json").is_file()
    again = ctbench("run", "users_model:Model", "-d", blobs_folder / "blobs.yaml", "-j", 1)
    assert again.err.count("reused:") == 2


def test_one_case_can_be_run_alone(ctbench, work, blobs_folder, tmp_path):
    """In a folder of its own, so that the whole run stays what it is; a case that does not exist is named."""
    command = ("run", "users_model:Model", "-d", blobs_folder / "blobs.yaml", "-j", 1, "--no-readers")
    assert ctbench(*command, "--case", "b").exit_code == 0
    run = json.loads((tmp_path / "work" / "runs" / "blobs" / "users_model-Model-b" / "run.json").read_text())
    assert list(run["cases"]) == ["b"]
    assert "has no case 'zz'" in ctbench(*command, "--case", "zz").err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("WrongShape", "returned labels of shape (2, 2, 2); expected the image's (6, 24, 24)"),
        ("NotANumber", "NaN as labels; expected integers"),
        ("UnknownLabel", "unknown label codes 7"),
    ],
)
def test_a_predictor_that_breaks_the_contract_ends_with_two(ctbench, work, blobs_folder, name, message):
    """The run is whole, its cases are failed, the sentence is printed, and the exit code is 2."""
    result = ctbench("run", f"users_model:{name}", "-d", blobs_folder / "blobs.yaml", "--out", "run", "-j", 1)
    assert result.exit_code == 2
    assert message in result.err
    assert "3 of 3 cases have no prediction" in result.err
    assert "Traceback" not in result.err


def test_a_predictor_that_fails_on_every_case_ends_with_one(ctbench, work, blobs_folder):
    """A plugin's failure is not the user's input."""
    result = ctbench("run", "users_model:Raises", "-d", blobs_folder / "blobs.yaml", "--out", "run", "-j", 1)
    assert result.exit_code == 1
    assert "raised RuntimeError on case b: CUDA went away" in result.err


def test_dry_run_shows_the_command_and_runs_nothing(ctbench, work, monkeypatch):
    """For containers also where no engine is; for a dataset that is not even there."""
    (work / "labels.json").write_text('{"iph": 1}')
    monkeypatch.setenv("PATH", str(work))
    result = ctbench("run", "container:group/model", "-d", "x", "--dry-run", "--memory-gb", "2")
    assert result.exit_code == 0, result.err
    assert result.out.startswith("docker run --rm")
    assert f"--memory {2 * 2**30}" in result.out
    assert ctbench("run", "container:model", "-d", "x", "--dry-run", "-o", "engine=apptainer").out.startswith(
        "apptainer"
    )


def test_a_command_is_run_and_scored(ctbench, work, blobs_folder):
    """A program of any language stands in the same table."""
    (work / "labels.json").write_text('{"labels": {"iph": 1, "ivh": 2}, "name": "copier"}')
    (work / "model.sh").write_text('test -f "$2" && cp "$1" "$3"\n')
    (work / "answer.nii.gz").write_bytes((blobs_folder / "readers" / "r1" / "b.nii.gz").read_bytes())
    result = ctbench(
        *("run", "command:sh model.sh {answer} {image} {output}", "-o", f"answer={work / 'answer.nii.gz'}"),
        *("--mount", work / "answer.nii.gz", "-d", blobs_folder / "blobs.yaml", "--out", "run", "-j", 1, "--json"),
    )
    assert result.exit_code == 0, result.err
    assert {row["rater"] for row in json.loads(result.out)} == {"copier"}


def test_runs_without_caches_leave_none(ctbench, made, tmp_path):
    """`--no-cache` keeps nothing."""
    _, dataset = made
    before = sorted((tmp_path / ".cache").rglob("*"))
    assert before
    quick = ("--option", "threshold=51", "--metric", "dice", "--trust", "--no-cache")
    assert ctbench("run", "users_model:Model", *dataset, "--out", "other", *quick).exit_code == 0
    assert sorted((tmp_path / ".cache").rglob("*")) == before


def test_a_run_that_cannot_be_logged_is_refused_before_it_starts(ctbench, blobs_folder, monkeypatch):
    """A package that is not installed, with the command that installs it; a shard, which is no whole run."""
    monkeypatch.setitem(sys.modules, "mlflow", None)
    command = ("run", "readers", "-d", blobs_folder / "blobs.yaml", "--log", "mlflow")
    missing = ctbench(*command)
    assert missing.exit_code == 2
    assert "--log mlflow needs mlflow" in missing.err
    shard = ctbench(*command, "--shard", "1/2")
    assert shard.exit_code == 2
    assert "--log needs the whole run" in shard.err
    assert not Path("runs").exists()
