import pytest

from ctbench.errors import DatasetError, MissingFileError
from ctbench.report.frames.local_datasets import local_dataset, task_of


def test_a_dataset_that_is_here_is_loaded(blobs_folder):
    """By its name in a catalogue that was given."""
    assert len(local_dataset("blobs", [blobs_folder / "blobs.yaml"])) == 4
    assert task_of("blobs", [blobs_folder / "blobs.yaml"]) == "segmentation"


def test_a_name_is_never_a_path(blobs_folder):
    """A run may come from anybody: what it calls its dataset opens no file."""
    for name in (str(blobs_folder / "blobs.yaml"), f"{blobs_folder / 'blobs.yaml'}#blobs", "../blobs"):
        with pytest.raises(DatasetError, match="no catalogue here describes"):
            local_dataset(name)
    assert task_of("nobody's") == ""


def test_looking_makes_nothing():
    """A phantom that was never made is told, not made."""
    with pytest.raises(MissingFileError, match="has not been made on this machine; `ctbench datasets check phantom"):
        local_dataset("phantom-anatomy")
