import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ctbench import consensus
from ctbench.datasets import load_dataset
from ctbench.errors import DataError, UsageError
from ctbench.interchange import export_nnunet, import_nnunet
from ctbench.interchange.nnunet import _label_map, folds_by_patient
from ctbench.reference import Reference
from ctbench.references import read_references
from ctbench.volume import read_volume

LABELS = {"ivh": 9, "iph": 4}


def test_a_round_trip_gives_the_same_images_and_references(study, tmp_path):
    """Voxel for voxel: images, labels by name, and the voxels that do not count; the geometry too."""
    dataset = load_dataset(study)
    folder = export_nnunet(dataset, tmp_path / "raw", 901)
    back = load_dataset(import_nnunet(folder, tmp_path / "back.yaml"))
    assert folder.name == "Dataset901_our_study"
    assert [case.id for case in back] == ["c1", "c2", "c3"]
    for case in dataset:
        was, now = read_references(case).common, read_references(back[case.id]).common
        assert was.uncounted.any()
        np.testing.assert_array_equal(now.uncounted, was.uncounted)
        for name, code in LABELS.items():
            drawn = (was.labels == code) & ~was.uncounted
            assert drawn.any()
            np.testing.assert_array_equal(now.labels == back.labels[name], drawn)
        image, same = case.image(), back[case.id].image()
        np.testing.assert_array_equal(same.array, image.array)
        assert same.origin_mm == pytest.approx(image.origin_mm)
        assert same.spacing_mm == pytest.approx(image.spacing_mm)


def test_the_files_are_those_that_nnunet_reads(study, tmp_path):
    """Codes without gaps in the order of the dataset's, the ignore label last, and the consensus in the label map."""
    dataset = load_dataset(study)
    folder = export_nnunet(dataset, tmp_path / "raw", 7)
    content = json.loads((folder / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, "iph": 1, "ivh": 2, "ignore": 3}
    assert (content["channel_names"], content["numTraining"]) == ({"0": "CT"}, 3)
    maps = dataset["c1"].label_maps()
    fused = consensus.fuse(maps.arrays, annotated=maps.annotated)
    expected = np.select([fused.uncounted, fused.labels == 4, fused.labels == 9], [3, 1, 2], 0)
    np.testing.assert_array_equal(read_volume(folder / "labelsTr" / "c1.nii.gz").array, expected)
    assert (folder / "imagesTr" / "c1_0000.nii.gz").is_file()


def test_a_split_is_exported_alone_and_folds_are_by_patient(study, tmp_path):
    """Two scans of a patient are never on both sides of a fold."""
    dataset = load_dataset(study)
    folder = export_nnunet(dataset.split("train"), tmp_path / "raw", 1)
    assert sorted(path.name for path in (folder / "labelsTr").iterdir()) == ["c1.nii.gz", "c2.nii.gz"]
    folds = folds_by_patient(dataset.patients)
    assert len(folds) == 2
    assert sorted(fold["val"] for fold in folds) == [["c1", "c3"], ["c2"]]
    assert all(sorted(fold["train"] + fold["val"]) == ["c1", "c2", "c3"] for fold in folds)
    assert folds_by_patient({"a": "x"}) == []


def test_the_first_fold_becomes_the_split(study, tmp_path):
    """What it holds out is for validation."""
    folder = export_nnunet(load_dataset(study), tmp_path / "raw", 2)
    (first, *_) = json.loads((folder / "splits_final.json").read_text())
    back = load_dataset(import_nnunet(folder, tmp_path / "back.yaml"))
    assert [case.id for case in back.split("validation")] == first["val"]
    assert [case.id for case in back.split("train")] == first["train"]


def test_a_folder_without_a_name_is_called_by_its_absolute_path(study, tmp_path, monkeypatch):
    """``datasets import nnunet .`` writes the same title and name as an import by the folder's path."""
    folder = export_nnunet(load_dataset(study), tmp_path / "raw", 4)
    monkeypatch.chdir(folder)
    dataset = load_dataset(import_nnunet(Path(), tmp_path / "back.yaml"))
    assert (dataset.name, dataset.title) == ("our-study", "nnU-Net's Dataset004_our_study")


def test_what_would_be_overwritten_or_wrong_is_refused(study, tmp_path):
    """An existing folder or YAML, a number out of range, and labels that nobody looked for."""
    dataset = load_dataset(study)
    folder = export_nnunet(dataset, tmp_path / "raw", 3)
    with pytest.raises(UsageError, match="exists; remove it"):
        export_nnunet(dataset, tmp_path / "raw", 3)
    with pytest.raises(UsageError, match="from 1 to 999"):
        export_nnunet(dataset, tmp_path / "raw", 1000)
    with pytest.raises(UsageError, match=r"study\.yaml exists"):
        import_nnunet(folder, study)
    table = "case,patient,split,slices,not_assessed\nc1,a,train,all,ivh\n"
    (tmp_path / "cases.csv").write_text(table)
    with pytest.raises(DataError, match="cases c1 have labels that were not assessed"):
        export_nnunet(load_dataset(study), tmp_path / "raw", 4)


def test_more_labels_than_a_byte_has(study):
    """Three hundred labels and the ignore label keep their numbers."""
    codes = {f"s{number}": number for number in range(1, 301)}
    labels = np.arange(302).reshape(1, 1, 302) % 301
    excluded = np.arange(302).reshape(1, 1, 302) == 301
    reference = Reference(labels, excluded, np.ones(1, bool), "majority", ("a",))
    written = _label_map(reference, SimpleNamespace(labels=codes), codes)
    assert written.ravel().tolist() == [*range(301), 301]
