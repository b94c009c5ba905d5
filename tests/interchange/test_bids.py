from pathlib import Path

import numpy as np
import pytest

from ctbench.datasets import check, load_dataset
from ctbench.errors import DatasetError, MissingFileError
from ctbench.interchange import import_bids
from ctbench.volume import Volume, write_volume

GRID = Volume(np.zeros((3, 4, 5), np.int16), (5.0, 0.5, 0.5))


def put(path, code=1):
    """Write a mask with one voxel of a code."""
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1, 2, 3] = code
    write_volume(GRID.with_array(labels), path)


@pytest.fixture
def folder(tmp_path):
    """A BIDS folder that somebody else made: images of CT in `anat`, two readers in two pipelines, names of codes."""
    root = tmp_path / "their data"
    root.mkdir()
    (root / "dataset_description.json").write_text('{"Name": "Heads", "License": "CC0", "DatasetDOI": "doi:10.1/x"}')
    (root / "participants.tsv").write_text(
        "participant_id\tage\tsplit\treaders\nsub-01\t70\ttest\tx\nsub-02\tn/a\ttest\ty\n"
    )
    for subject in ("01", "02"):
        write_volume(GRID, root / f"sub-{subject}" / "anat" / f"sub-{subject}_CT.nii.gz")
        write_volume(GRID, root / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz")
    for pipeline, reader, subjects in (("one", "anna", ("01", "02")), ("two", "ben", ("01",))):
        for subject in subjects:
            name = f"sub-{subject}_desc-{reader}_dseg.nii.gz"
            put(root / "derivatives" / pipeline / f"sub-{subject}" / "anat" / name)
        (root / "derivatives" / pipeline / "dseg.tsv").write_text("index\tname\n0\tbackground\n1\tiph\n")
    return root


def test_images_readers_labels_and_participants_are_found(folder, tmp_path):
    """The kind of CT among others, readers of two pipelines, who read what, and columns that become subgroups."""
    dataset = load_dataset(import_bids(folder, tmp_path / "d.yaml"))
    assert dataset.name == "their-data"
    assert [case.id for case in dataset] == ["01", "02"]
    assert [case.readers for case in dataset] == [("anna", "ben"), ("anna",)]
    assert dict(dataset.labels.codes) == {"iph": 1}
    assert dataset["01"].image_path.name == "sub-01_CT.nii.gz"
    assert dataset["01"].reader("ben").array.sum() == 1
    assert dataset["01"].split == "test"
    assert dict(dataset["01"].subgroups) == {"age": "70", "participants_readers": "x"}
    assert (dataset.entry.licence, dataset.entry.doi) == ("CC0", ("10.1/x",))


def test_a_folder_without_a_name_is_called_by_its_absolute_path(folder, tmp_path, monkeypatch):
    """``datasets import bids .`` writes the folder's name as the title where the description has none."""
    (folder / "dataset_description.json").write_text("{}")
    monkeypatch.chdir(folder)
    assert load_dataset(import_bids(Path(), tmp_path / "d.yaml")).title == "their data"


def test_what_is_not_clear_is_refused(folder, tmp_path):
    """Two kinds of images, one code with two names, two masks of one reader, and a mask without a session."""
    out = tmp_path / "d.yaml"
    put(folder / "derivatives/two/sub-01/anat/sub-01_space-MNI_desc-ben_dseg.nii.gz")
    with pytest.raises(DatasetError, match=r"files of one kind with different names: .*_desc-ben_dseg.* and .*MNI"):
        import_bids(folder, out)
    (folder / "derivatives/two/sub-01/anat/sub-01_space-MNI_desc-ben_dseg.nii.gz").unlink()
    (folder / "derivatives/two/dseg.tsv").write_text("index\tname\n1\tivh\n")
    with pytest.raises(DatasetError, match="calls the code 1 'ivh', another table 'iph'"):
        import_bids(folder, out)
    write_volume(GRID, folder / "sub-01" / "ct" / "sub-01_ct.nii.gz")
    with pytest.raises(DatasetError, match=r"several kinds of images \(CT, ct\)"):
        import_bids(folder, out)
    (folder / "sub-01" / "ct" / "sub-01_ct.nii.gz").unlink()
    write_volume(GRID, folder / "sub-01" / "ses-2" / "anat" / "sub-01_ses-2_CT.nii.gz")
    with pytest.raises(DatasetError, match=r"is of a session and .* of none"):
        import_bids(folder, out)


def test_what_is_missing_is_named(folder, tmp_path):
    """The description, the label table, and the masks."""
    for path in folder.rglob("dseg.tsv"):
        path.unlink()
    with pytest.raises(MissingFileError, match=r"no label table; expected dseg\.tsv with the columns index and name"):
        import_bids(folder, tmp_path / "d.yaml")
    for path in folder.rglob("*_dseg.nii.gz"):
        path.unlink()
    with pytest.raises(MissingFileError, match="has no masks"):
        import_bids(folder, tmp_path / "d.yaml")
    with pytest.raises(MissingFileError, match=r"no dataset_description\.json"):
        import_bids(tmp_path, tmp_path / "d.yaml")


def test_one_mask_is_a_reference_and_two_kinds_are_no_guess(folder, tmp_path):
    """A single reader is the released mask; a reader beside a mask without a name is asked about."""
    for path in (folder / "derivatives/two").rglob("*_dseg.nii.gz"):
        path.unlink()
    dataset = load_dataset(import_bids(folder, tmp_path / "d.yaml"))
    assert dataset["01"].readers == ()
    assert dataset["01"].reference().array.sum() == 1
    put(folder / "derivatives/two/sub-01/anat/sub-01_dseg.nii.gz")
    with pytest.raises(DatasetError, match="masks have no desc and desc-anna; expected two or more readers"):
        import_bids(folder, tmp_path / "e.yaml")


def test_a_check_does_not_ask_about_what_is_not_used(folder, tmp_path):
    """A consensus beside its readers, and images of another kind, belong to the dataset; a misspelt name does not."""
    put(folder / "derivatives/two/sub-01/anat/sub-01_desc-consensus_dseg.nii.gz")
    out = import_bids(folder, tmp_path / "d.yaml")
    assert load_dataset(out)["01"].readers == ("anna", "ben")
    assert check(out, deep=True) == ()
    put(folder / "derivatives/two/sub-01/anat/sub-01_desc-bne_dseg.nii.gz")
    (problem,) = check(out)
    assert "sub-01_desc-bne_dseg.nii.gz matches no pattern" in problem.message
