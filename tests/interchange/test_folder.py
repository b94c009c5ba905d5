import numpy as np
import pytest

from ctbench.datasets import load_dataset
from ctbench.errors import DatasetError, MissingFileError
from ctbench.interchange import guess_folder, import_folder
from ctbench.volume import Volume, write_volume

GRID = Volume(np.zeros((4, 8, 8), np.int16), (5.0, 0.5, 0.5))


def put(path, *boxes):
    """Write a mask: codes 1, 2, ... in rows ``(first, last)``; the image for no box."""
    labels = np.zeros(GRID.shape, np.uint8)
    for code, (first, last) in enumerate(boxes, 1):
        labels[1:3, first:last] = code
    write_volume(GRID.with_array(labels) if boxes else GRID, path)


def load(folder, tmp_path):
    """The dataset that the import of a folder describes."""
    return load_dataset(import_folder(folder, tmp_path / "found.yaml"))


@pytest.fixture
def data(tmp_path):
    """An empty folder."""
    return tmp_path / "data"


def test_folders_of_readers_who_overlap_are_readers(data, tmp_path):
    """Also where one of them has not read a case, and a folder holds their consensus."""
    for case in ("p1", "p2"):
        put(data / "images" / f"{case}.nii.gz")
        put(data / "masks" / "anna" / f"{case}.nii.gz", (1, 4))
        put(data / "masks" / "consensus" / f"{case}.nii.gz", (1, 4))
    put(data / "masks" / "ben" / "p1.nii.gz", (2, 5))
    dataset = load(data, tmp_path)
    assert {case.id: case.readers for case in dataset} == {"p1": ("anna", "ben"), "p2": ("anna",)}
    assert dict(dataset.labels.codes) == {"label-1": 1}
    assert dataset["p1"].reader("ben").array.sum() == 2 * 3 * 8
    assert [str(path) for path in guess_folder(data).left_over] == [
        "masks/consensus/p1.nii.gz",
        "masks/consensus/p2.nii.gz",
    ]


def test_totalsegmentators_layout_has_one_file_per_structure(data, tmp_path):
    """`case/ct.nii.gz` and `case/segmentations/label.nii.gz`."""
    for case in ("s1", "s2"):
        put(data / case / "ct.nii.gz")
        put(data / case / "segmentations" / "brain.nii.gz", (1, 3))
        put(data / case / "segmentations" / "skull_left.nii.gz", (5, 7))
    dataset = load(data, tmp_path)
    assert dataset.entry.reference == "{case}/segmentations/{label}.nii.gz"
    assert dict(dataset.labels.codes) == {"brain": 1, "skull_left": 2}
    counts = np.bincount(dataset["s2"].reference().array.ravel())
    assert counts.tolist() == [4 * 64 - 64, 32, 32]


def test_readers_with_a_file_per_structure_are_both(data, tmp_path):
    """`masks/{reader}/{case}_{label}.nii.gz`: the readers overlap, the structures do not."""
    put(data / "images" / "p1.nii.gz")
    for reader, shift in (("anna", 0), ("ben", 1)):
        put(data / "masks" / reader / "p1_iph.nii.gz", (1 + shift, 3 + shift))
        put(data / "masks" / reader / "p1_ivh.nii.gz", (5 + shift, 7 + shift))
    dataset = load(data, tmp_path)
    assert dataset.entry.readers == "masks/{reader}/{case}_{label}.nii.gz"
    assert dataset["p1"].readers == ("anna", "ben")
    assert dict(dataset.labels.codes) == {"iph": 1, "ivh": 2}


def test_suffixes_with_several_codes_are_readers(data, tmp_path):
    """`p1_anna.nii.gz` beside `p1.nii.gz`; labels are called after their codes."""
    for case in ("p1", "p2"):
        put(data / f"{case}.nii.gz")
        put(data / f"{case}_seg_anna.nii.gz", (1, 3), (4, 6))
        put(data / f"{case}_seg_ben.nii.gz", (1, 3), (5, 6))
    dataset = load(data, tmp_path)
    assert dataset.entry.image == "{case}.nii.gz"
    assert dataset.entry.readers == "{case}_seg_{reader}.nii.gz"
    assert dataset.readers == ("anna", "ben")
    assert dict(dataset.labels.codes) == {"label-1": 1, "label-2": 2}


def test_images_without_masks_are_left_over(data, tmp_path):
    """A case table then lists the cases that have both."""
    for case in ("p1", "p2"):
        put(data / "images" / f"{case}.nii.gz")
    put(data / "labels" / "p1.nii.gz", (1, 3))
    assert [str(path) for path in guess_folder(data).left_over] == ["images/p2.nii.gz"]
    dataset = load(data, tmp_path)
    assert [case.id for case in dataset] == ["p1"]
    assert dataset["p1"].reference().array.sum() == 2 * 2 * 8


def test_what_may_be_readers_or_structures_is_refused_with_both_lines(data):
    """Binary masks that overlap a little are neither; the sentence holds what to write."""
    put(data / "images" / "p1.nii.gz")
    put(data / "masks" / "p1_anna.nii.gz", (0, 5))
    put(data / "masks" / "p1_ben.nii.gz", (4, 8))
    expected = r"anna, ben may be readers or structures; .* readers: masks/\{case\}_\{reader\}\.nii\.gz or "
    with pytest.raises(DatasetError, match=expected + r"reference: masks/\{case\}_\{label\}\.nii\.gz"):
        guess_folder(data)


def test_a_guess_that_was_shown_is_written_without_another(data, tmp_path, monkeypatch):
    """The masks are not read again, and the dataset is that of a fresh guess."""
    for case in ("p1", "p2"):
        put(data / "images" / f"{case}.nii.gz")
        put(data / "masks" / f"{case}.nii.gz", (0, 4))
    guess, fresh = guess_folder(data), import_folder(data, tmp_path / "fresh.yaml")
    monkeypatch.setattr("ctbench.interchange.folder.guess_folder", None)
    assert import_folder(data, tmp_path / "shown.yaml", guess).read_text() == fresh.read_text()


def test_names_that_say_reader_need_no_overlap(data, tmp_path):
    """`reader1` and `reader2` are readers though they drew different places."""
    put(data / "images" / "p1.nii.gz")
    put(data / "masks" / "p1_reader1.nii.gz", (0, 3))
    put(data / "masks" / "p1_reader2.nii.gz", (5, 8))
    assert load(data, tmp_path).readers == ("reader1", "reader2")


def test_other_layouts_and_missing_files_are_named(data):
    """nnU-Net's folder, a folder without volumes, and images alone."""
    data.mkdir()
    with pytest.raises(MissingFileError, match="has no volumes"):
        guess_folder(data)
    put(data / "images" / "p1.nii.gz")
    with pytest.raises(MissingFileError, match=r"has images \(images/\{case\}\.nii\.gz\) and no masks"):
        guess_folder(data)
    put(data / "imagesTr" / "p1_0000.nii.gz")
    (data / "dataset.json").touch()
    with pytest.raises(DatasetError, match="use: ctbench datasets import nnunet"):
        guess_folder(data)


def test_two_kinds_of_images_and_folders_of_different_depth_are_refused(data):
    """Neither is chosen silently."""
    put(data / "s1" / "ct.nii.gz")
    put(data / "s1" / "scan.nii.gz")
    put(data / "s1" / "mask.nii.gz", (1, 2))
    with pytest.raises(DatasetError, match=r"two kinds of images, \{case\}/ct.nii.gz and \{case\}/scan.nii.gz"):
        guess_folder(data)
    (data / "s1" / "scan.nii.gz").unlink()
    put(data / "s1" / "masks" / "anna.nii.gz", (1, 2))
    with pytest.raises(DatasetError, match="folders of different depth or names"):
        guess_folder(data)


def test_masks_of_a_reader_study_without_images_are_understood(real_data, tmp_path):
    """The LIDC's: four readers by the end of the name, one structure."""
    dataset = load(real_data / "readers_lidc", tmp_path)
    assert dataset.readers == ("reader1", "reader2", "reader3", "reader4")
    assert all(len(case.readers) == 4 for case in dataset)
    assert dataset.entry.readers == "{case}_{reader}.nii.gz"
    assert dict(dataset.labels.codes) == {"label-1": 1}
