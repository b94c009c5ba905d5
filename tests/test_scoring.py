"""Scoring of files."""

import numpy as np
import pandas as pd
import pytest

import ctbench
from ctbench.errors import LabelError
from ctbench.scoring import score_lesions
from ctbench.volume import Volume, write_volume

SPACING_MM = (5.0, 1.0, 1.0)


def _written(path, labels):
    write_volume(Volume(labels, SPACING_MM), path)
    return path


@pytest.fixture
def box():
    """A box of 4 x 4 x 4 voxels of label 3."""
    labels = np.zeros((8, 10, 12), np.uint8)
    labels[2:6, 3:7, 3:7] = 3
    return labels


def test_files_are_scored_as_their_arrays(box, tmp_path):
    """The rows are those of metrics.score; names and tolerance are passed on."""
    moved = np.roll(box, 1, axis=2)
    paths = _written(tmp_path / "a.nii.gz", box), _written(tmp_path / "b.nii.gz", moved)
    asked = {"labels": {"box": 3}, "metrics": ["dice", "nsd"], "tolerance_mm": 2.0}
    found = ctbench.score(*paths, **asked)
    pd.testing.assert_frame_equal(found, ctbench.metrics.score(box, moved, spacing_mm=SPACING_MM, **asked))
    assert ctbench.score(*paths, metrics=["dice"])["label"].tolist() == ["label-3"]


def test_lesions_of_files_are_those_of_their_arrays(box, tmp_path):
    """The rows are those of metrics.lesions.case_scores with surfaces, under the protocols that are named."""
    moved = np.roll(box, 1, axis=2)
    paths = _written(tmp_path / "a.nii.gz", box), _written(tmp_path / "b.nii.gz", moved)
    asked = {"labels": {"box": 3}, "protocols": ["pq", "isles22"]}
    expected = ctbench.metrics.lesions.case_scores(box, moved, spacing_mm=SPACING_MM, surfaces=True, **asked)
    pd.testing.assert_frame_equal(score_lesions(*paths, **asked), expected)


def test_excluded_voxels_do_not_count(box, tmp_path):
    """A mask over what the prediction has too much makes the Dice 1."""
    more = box.copy()
    more[0, 0, 0] = 3
    paths = [_written(tmp_path / f"{name}.nii.gz", array) for name, array in (("a", box), ("b", more))]
    mask = _written(tmp_path / "c.nii.gz", (more != box).astype(np.uint8))
    (row,) = ctbench.score(*paths, excluded=mask, metrics=["dice"]).to_dict("records")
    assert row["value"] == 1.0


def test_two_empty_maps_need_labels(box, tmp_path):
    """There is nothing to score, and the message says what to do."""
    path = _written(tmp_path / "a.nii.gz", 0 * box)
    with pytest.raises(LabelError, match="both label maps are empty"):
        ctbench.score(path, path)
