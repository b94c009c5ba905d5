import csv
import io
import json

import numpy as np
import pytest

from ctbench.annotations.slicer import write_slicer
from ctbench.labels import LabelSet
from ctbench.metrics import METRICS
from ctbench.volume import Volume, write_volume


@pytest.fixture
def two_maps(tmp_path):
    """A reference and a prediction: a box of 4 x 4 x 4 voxels, shifted by one along x."""
    labels = np.zeros((8, 10, 12), np.uint8)
    labels[2:6, 3:7, 3:7] = 3
    paths = tmp_path / "reference.nii.gz", tmp_path / "prediction.nii.gz"
    write_volume(Volume(labels, (5.0, 1.0, 1.0)), paths[0])
    write_volume(Volume(np.roll(labels, 1, axis=2), (5.0, 1.0, 1.0)), paths[1])
    return paths


def test_score_prints_a_table_of_two_files(ctbench, two_maps):
    """Without options every code is a structure; a person sees the chief metrics."""
    result = ctbench("score", *two_maps)
    assert result.exit_code == 0
    assert "label-3" in result.out
    assert "0.750" in result.out  # Dice of 64-voxel boxes that share 48


def test_score_gives_every_metric_as_json(ctbench, two_maps):
    """`--json` has the columns of `metrics.score`, and null where there is no value."""
    result = ctbench("score", *two_maps, "--label", "box=3", "--label", "nothing=4", "--metric", "all", "--json")
    rows = json.loads(result.out)
    assert list(rows[0]) == ["label", "metric", "value", "unit", "status", "detail"]
    assert len(rows) == 2 * len(METRICS)
    values = {(row["label"], row["metric"]): row["value"] for row in rows}
    assert values["box", "dice"] == 0.75
    assert values["box", "hd95"] == 1.0
    assert values["nothing", "dice"] is None


def test_score_as_csv_has_the_same_rows(ctbench, two_maps):
    """`--csv` is for spreadsheets."""
    rows = list(csv.DictReader(io.StringIO(ctbench("score", *two_maps, "--metric", "dice", "--csv").out)))
    assert [(row["metric"], float(row["value"])) for row in rows] == [("dice", 0.75)]


def test_score_leaves_out_excluded_voxels(ctbench, two_maps, tmp_path):
    """With the differing columns excluded the two boxes are the same."""
    mask = np.zeros((8, 10, 12), np.uint8)
    mask[:, :, [3, 7]] = 1
    write_volume(Volume(mask, (5.0, 1.0, 1.0)), tmp_path / "excluded.nii.gz")
    result = ctbench("score", *two_maps, "--excluded", tmp_path / "excluded.nii.gz", "--metric", "dice", "--json")
    assert json.loads(result.out)[0]["value"] == 1.0


def test_lesions_by_protocol(ctbench, two_maps):
    """`--lesions` scores lesions by each protocol that is named; a convention of a challenge is told as a note."""
    asked = ("score", *two_maps, "--label", "box=3", "--label", "nothing=4", "--lesions", "pq", "--lesions", "isles22")
    result = ctbench(*asked, "--json")
    assert result.exit_code == 0
    rows = {(row["label"], row["protocol"]): row for row in json.loads(result.out)}
    assert rows["box", "pq"]["pq"] == pytest.approx(0.6)  # 48 of 80 voxels
    assert rows["box", "pq"]["lesion_hd95_mm"] == 1
    assert (rows["nothing", "pq"]["f1"], rows["nothing", "isles22"]["f1"]) == (None, 1)
    people = ctbench(*asked)
    assert people.out.count("0.600") == 2  # the PQ under both protocols
    assert "ISLES 2022 counts a case without lesions as 1" in people.err
    assert ctbench("score", *two_maps, "--lesions", "all").exit_code == 0
    wrong = ctbench("score", *two_maps, "--lesions", "isles")
    assert wrong.exit_code == 2
    assert "unknown lesion protocol 'isles'" in wrong.err


@pytest.fixture
def segmentation(blobs, tmp_path):
    """The mask of reader r1 as a file of 3D Slicer, in which both segments have other numbers."""
    case = blobs["a"]
    drawn = case.reader("r1")
    numbers = np.where(drawn.array > 0, 7 - drawn.array, 0).astype(np.uint8)
    labels = LabelSet({name: 7 - code for name, code in case.labels.items()})
    write_slicer(drawn.with_array(numbers), labels, tmp_path / "r1.seg.nrrd")
    return tmp_path / "r1.seg.nrrd"


def test_segments_are_scored_by_name(ctbench, blobs_folder, segmentation):
    """Against another file with names, and with the labels of a dataset against a label map."""
    other = blobs_folder / "readers" / "r1" / "a.nii.gz"
    for arguments in ((segmentation, segmentation), (other, segmentation, "-d", blobs_folder / "blobs.yaml")):
        result = ctbench("score", *arguments, "--metric", "dice", "--json")
        assert result.exit_code == 0, result.err
        scores = {row["label"]: row["value"] for row in json.loads(result.out)}
        assert (scores["iph"], scores["ivh"]) == (1.0, 1.0)


def test_names_and_codes_cannot_be_compared_without_a_dataset(ctbench, blobs_folder, segmentation):
    """The message says what would help."""
    result = ctbench("score", blobs_folder / "readers" / "r1" / "a.nii.gz", segmentation)
    assert result.exit_code == 2
    assert "names its segments" in result.err
    assert "--dataset" in result.err
