"""The reader study that makes itself: its files, its order of reading, and what it refuses."""

import csv

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.files import sha256
from ctbench.phantom import PlantedStudy, build_repeats
from ctbench.volume import read_volume

SHAPE = (10, 48, 48)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two small cases."""
    folder = tmp_path_factory.mktemp("repeats")
    build_repeats(folder, cases=2, shape=SHAPE, jobs=1)
    return folder


def _rows(folder):
    with (folder / "readings.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_reading_has_a_file_and_a_row(made):
    """2 cases x 3 readers x 2 conditions x 2 sessions, each with its time and its place in the order."""
    rows = _rows(made)
    assert len(rows) == len(list(made.glob("readers/*/*/*/*.nii.gz"))) == 24
    own = [row for row in rows if row["reader"] == "reader2"]
    assert sorted(int(row["order"]) for row in own) == list(range(1, 9))
    assert max(int(row["order"]) for row in own if row["session"] == "1") == 4
    assert all(float(row["seconds"]) > 0 for row in rows)


def test_readers_differ_by_their_bias_more_than_by_session(made):
    """Volumes of the three readers keep the order of the planted biases in each session."""
    for case in ("repeat-001", "repeat-002"):
        for session in "12":
            volumes = [
                np.count_nonzero(read_volume(made / f"readers/reader{number}/unaided/{session}/{case}.nii.gz").array)
                for number in (1, 2, 3)
            ]
            assert volumes == sorted(volumes)


def test_equal_seeds_make_equal_files(made, tmp_path):
    """And another seed makes others."""
    build_repeats(tmp_path / "again", cases=1, shape=SHAPE, jobs=1)
    build_repeats(tmp_path / "other", cases=1, shape=SHAPE, jobs=1, seed=1)
    name = "readers/reader1/aided/2/repeat-001.nii.gz"
    assert sha256(made / name) == sha256(tmp_path / "again" / name) != sha256(tmp_path / "other" / name)


def test_wrong_options_are_refused(tmp_path):
    """Nothing is written before the options are checked."""
    with pytest.raises(UsageError, match="unknown option 'bias'"):
        build_repeats(tmp_path, bias=1.0)
    with pytest.raises(UsageError, match="cannot be negative"):
        PlantedStudy(session_sd_mm=-1.0)
    with pytest.raises(UsageError, match="two readers"):
        PlantedStudy(bias_mm={"alone": 0.0})
    assert not list(tmp_path.iterdir())
