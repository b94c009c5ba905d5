"""A run as the command line makes it."""

from pathlib import Path

import pytest

import ctbench
from ctbench.errors import UsageError
from ctbench.runs.starting import usual_folder, usual_split


def test_predictor_then_dataset_in_the_usual_folder(blobs_folder, bright, tmp_path, monkeypatch):
    """As `ctbench run PREDICTOR --dataset FILE`: the folder is runs/DATASET/PREDICTOR, the split is test."""
    monkeypatch.chdir(tmp_path)
    made = ctbench.run(bright, blobs_folder / "blobs.yaml", metrics=["dice"], jobs=1)
    assert made.folder == Path("runs/blobs/bright")
    assert (tmp_path / made.folder / "run.json").is_file()
    assert made.manifest.split == "test"


def test_the_other_order_is_refused(blobs):
    """Whoever has the dataset first is told."""
    with pytest.raises(UsageError, match=r"expected run\(predictor, dataset\)"):
        ctbench.run(blobs, "readers")


def test_names_of_predictors_become_names_of_folders(blobs):
    """No slash, no blank, no colon."""
    assert usual_folder(blobs, "folder:/a b/c") == Path("runs/blobs/folder-a-b-c")


def test_all_cases_have_no_split(blobs):
    """`all` is the empty split, a name is itself."""
    assert [usual_split(blobs, split) for split in (None, "all", "train")] == ["test", "", "train"]
