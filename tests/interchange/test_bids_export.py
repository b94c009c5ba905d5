import json
import re

import numpy as np
import pytest

from ctbench.datasets import load_dataset
from ctbench.errors import DataError, UsageError
from ctbench.interchange import export_bids, import_bids
from ctbench.references import common_reference
from ctbench.volume import read_volume

DERIVATIVE = "derivatives/ctbench"


def table(path):
    """The rows of a table with tabs."""
    header, *rows = [line.split("\t") for line in path.read_text().splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_a_round_trip_gives_the_same_readings_and_references(study, tmp_path):
    """Voxel for voxel: images, what each reader drew, the annotated slices and the reference; geometry and splits."""
    dataset = load_dataset(study)
    back = load_dataset(import_bids(export_bids(dataset, tmp_path / "bids"), tmp_path / "back.yaml"))
    assert back.labels == dataset.labels
    assert {case.id: case.patient for case in back} == {"sub-a_ses-c1": "a", "sub-a_ses-c3": "a", "sub-b_ses-c2": "b"}
    for case in dataset:
        same = back[f"sub-{case.patient}_ses-{case.id}"]
        assert same.readers == ("anna", "ben", "cleo")
        assert (same.split, same.annotated_slices) == (case.split, case.annotated_slices)
        np.testing.assert_array_equal(same.image().array, case.image().array)
        assert same.image().origin_mm == pytest.approx(case.image().origin_mm)
        for reader in case.readers:
            np.testing.assert_array_equal(same.reader(reader).array, case.reader(reader).array)
        was, now = common_reference(case), common_reference(same)
        assert was.uncounted.any()
        np.testing.assert_array_equal(now.labels, was.labels)
        np.testing.assert_array_equal(now.uncounted, was.uncounted)


def test_the_consensus_alone_is_a_reference_with_ignored_voxels(study, tmp_path):
    """Without the readers' masks it is imported as the released mask, and the same voxels do not count."""
    dataset = load_dataset(study)
    folder = export_bids(dataset, tmp_path / "bids")
    for path in folder.rglob("*_dseg.nii.gz"):
        if "consensus" not in path.name:
            path.unlink()
    back = load_dataset(import_bids(folder, tmp_path / "back.yaml"))
    assert back.readers == ()
    for case in dataset:
        was, now = common_reference(case), common_reference(back[f"sub-{case.patient}_ses-{case.id}"])
        np.testing.assert_array_equal(now.uncounted, was.uncounted)
        np.testing.assert_array_equal(now.labels[~now.uncounted], was.labels[~was.uncounted])
    again = load_dataset(import_bids(export_bids(back, tmp_path / "again"), tmp_path / "again.yaml"))
    assert len(again) == 3
    for case, same in zip(back, again, strict=True):
        np.testing.assert_array_equal(same.ignored(), case.ignored())


def test_the_folder_has_what_the_standard_requires(study, tmp_path):
    """Descriptions with their required fields, a label table, participants in the rows, and names of BIDS only."""
    folder = export_bids(load_dataset(study), tmp_path / "bids")
    about = json.loads((folder / "dataset_description.json").read_text())
    assert (about["Name"], about["DatasetType"], about["BIDSVersion"]) == ("made up", "raw", "1.10.0")
    derived = json.loads((folder / DERIVATIVE / "dataset_description.json").read_text())
    assert derived["DatasetType"] == "derivative"
    assert derived["GeneratedBy"][0]["Name"] == "ctbench"
    assert (folder / ".bidsignore").read_text() == "**/ct\n"
    rows = table(folder / DERIVATIVE / "dseg.tsv")
    assert [(row["index"], row["name"]) for row in rows] == [("4", "iph"), ("9", "ivh"), ("10", "ignore")]
    assert [row["participant_id"] for row in table(folder / "participants.tsv")] == ["sub-a", "sub-b"]
    names = re.compile(r"sub-[0-9a-zA-Z]+_ses-[0-9a-zA-Z]+(_ct|(_desc-[0-9a-zA-Z]+)?_dseg)\.nii\.gz")
    volumes = [path.name for path in folder.rglob("*.nii.gz")]
    assert len(volumes) == 15
    assert all(names.fullmatch(name) for name in volumes)
    assert json.loads((folder / DERIVATIVE / "dseg.json").read_text())["SpatialReference"] == "orig"
    descriptions = {row["desc_id"]: row["description"] for row in table(folder / DERIVATIVE / "descriptions.tsv")}
    assert descriptions["desc-anna"] == "Reader anna"
    assert descriptions["desc-consensus"].startswith("majority of the readers")


def test_groups_subgroups_and_labels_not_assessed_come_back(blobs, tmp_path):
    """Cases of a patient each are subjects; the columns of the case table stand with the participants."""
    folder = export_bids(blobs, tmp_path / "bids")
    back = load_dataset(import_bids(folder, tmp_path / "back.yaml"))
    assert back.labels == blobs.labels
    assert [case.id for case in back] == ["a", "b", "c", "d"]
    assert [case.split for case in back] == ["train", "test", "test", "test"]
    assert back["d"].not_assessed == ("ivh",)
    assert read_volume(folder / "sub-a" / "ct" / "sub-a_ct.nii.gz").shape == blobs["a"].image().shape


def test_what_bids_cannot_name_is_refused(study, tmp_path):
    """An existing folder, a reader called as the consensus, and readers that differ only in characters left out."""
    dataset = load_dataset(study)
    with pytest.raises(UsageError, match="exists; remove it"):
        export_bids(dataset, tmp_path)
    text = study.read_text()
    (tmp_path / "two.yaml").write_text(text.replace("ben: ", "an_na: "))
    with pytest.raises(DataError, match="readers 'an_na' and 'anna' become the label 'anna'"):
        export_bids(load_dataset(tmp_path / "two.yaml"), tmp_path / "bids")
    (tmp_path / "named.yaml").write_text(text.replace("ben: ", "consensus: "))
    with pytest.raises(DataError, match="a reader is called 'consensus'"):
        export_bids(load_dataset(tmp_path / "named.yaml"), tmp_path / "bids")
