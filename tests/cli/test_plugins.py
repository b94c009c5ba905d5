import json

import pytest

MODEL = """
import os
import numpy as np
import ctbench


class Model:
    def __init__(self, path=None):
        self.path = path
        self.info = ctbench.PredictorInfo(name="mine", version="1", labels=ctbench.LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        if self.path:
            open(self.path).read()
        return ctbench.Prediction((image.array > 50).astype(np.uint8))
"""


@pytest.fixture
def work(ctbench, tmp_path):
    """The working folder, with a user's module."""
    (tmp_path / "work" / "users_model.py").write_text(MODEL)
    return tmp_path / "work"


def test_check_runs_in_the_sandbox_or_trusted(ctbench, work):
    """Either way the same questions are asked, and all are passed."""
    for trust in ((), ("--trust",)):
        result = ctbench("check", "users_model:Model", "--json", *trust)
        assert result.exit_code == 0, result.err
        assert len(json.loads(result.out)) == 9
    assert "is trusted" in result.err


def test_a_mount_is_what_a_predictor_may_read_too(ctbench, work, tmp_path):
    """A file elsewhere is seen with `--mount`, and is refused by name if it is not there."""
    (tmp_path / "weights").write_text("1")
    arguments = ("check", "users_model:Model", "-o", f"path={tmp_path / 'weights'}")
    assert ctbench(*arguments, "--mount", tmp_path / "weights").exit_code == 0
    result = ctbench(*arguments, "--mount", tmp_path / "absent")
    assert result.exit_code == 2
    assert "--mount expects a file or folder that is there" in result.err


@pytest.mark.parametrize("option", ["--timeout", "--memory-gb", "--processes"])
def test_a_limit_is_positive(ctbench, work, option):
    """One sentence, exit code 2."""
    result = ctbench("check", "users_model:Model", option, "0")
    assert result.exit_code == 2
    assert "expected a positive limit" in result.err


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


def test_a_new_predictor_is_written_and_told(ctbench, work):
    """The next two commands stand in the note; a second call overwrites nothing."""
    result = ctbench("new-predictor", "my-model")
    assert result.exit_code == 0
    assert "ctbench check my-model" in result.err
    assert (work / "my-model" / "pyproject.toml").is_file()
    assert ctbench("new-predictor", "my-model").exit_code == 2
