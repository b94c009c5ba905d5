from dataclasses import replace

import numpy as np
import pytest

from ctbench.datasets import load_dataset
from ctbench.errors import DataError, DatasetError, GeometryError, LabelError, MissingFileError, VolumeFileError
from ctbench.volume import read_volume, write_volume


def test_reading_a_reader(reader_folder):
    """A reader's label map is read as integers on the grid of the image."""
    case = load_dataset(reader_folder)["c1"]
    label_map = case.reader("anna")
    assert label_map.array.dtype == np.uint8
    assert np.argwhere(label_map.array).tolist() == [[1, 2, 3]]
    assert label_map.geometry == case.image().geometry
    assert case.reader_path("anna").name == "c1.nii.gz"


def test_an_unknown_reader_is_an_error(reader_folder):
    """Asking for somebody who did not read the case names those who did."""
    with pytest.raises(DatasetError, match="case 'c2' of 'toy' has no reader 'ben'; its readers: anna"):
        load_dataset(reader_folder)["c2"].reader("ben")


def test_a_mask_on_another_grid_is_refused(reader_folder, write_map):
    """The message names case, reader, file and image, and shows both geometries."""
    path = write_map(reader_folder.parent / "readers/anna/c2.nii.gz", spacing=(2.5, 0.5, 0.5))
    with pytest.raises(GeometryError) as caught:
        load_dataset(reader_folder)["c2"].reader("anna")
    message = str(caught.value)
    assert message.startswith("case 'c2' of 'toy', reader 'anna': ")
    assert str(path) in message
    assert f"its image {reader_folder.parent}/images/c2.nii.gz" in message
    assert "spacing (5, 0.5, 0.5)" in message
    assert "spacing (2.5, 0.5, 0.5)" in message


def test_without_images_the_first_reader_gives_the_grid(tmp_path, write_map, write_catalog):
    """Masks without an image are checked against each other."""
    write_map(tmp_path / "c1_a.nii.gz")
    write_map(tmp_path / "c1_b.nii.gz", shape=(3, 4, 6))
    case = load_dataset(write_catalog(toy={"readers": "{case}_{reader}.nii.gz"}))["c1"]
    assert case.reader("a").shape == (3, 4, 5)
    with pytest.raises(GeometryError, match=r"reader 'b': .*than the first reader's mask .*c1_a\.nii\.gz"):
        case.reader("b")
    with pytest.raises(MissingFileError, match="case 'c1' of 'toy' has no image, only masks"):
        case.image()


def test_the_grid_is_read_again_when_the_image_changes(reader_folder, write_map):
    """An image that was written anew is not judged by what it was before."""
    case = load_dataset(reader_folder)["c2"]
    case.reader("anna")
    image = write_map(reader_folder.parent / "images/c2.nii.gz", shape=(3, 4, 6))
    with pytest.raises(GeometryError, match=str(image)):
        case.reader("anna")


@pytest.mark.parametrize(
    ("voxels", "dtype", "message"),
    [({(0, 0, 0): 7}, np.uint8, "holds unknown label codes 7"), ({(0, 0, 0): 0.5}, np.float32, "stored as float32")],
)
def test_a_wrong_label_map_is_refused(reader_folder, write_map, voxels, dtype, message):
    """Codes outside the label set and fractions are refused, with case, reader and file."""
    path = write_map(reader_folder.parent / "readers/anna/c2.nii.gz", voxels, dtype=dtype)
    with pytest.raises(LabelError) as caught:
        load_dataset(reader_folder)["c2"].reader("anna")
    assert str(caught.value).startswith("case 'c2' of 'toy', reader 'anna': ")
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_damaged_file_is_refused(reader_folder):
    """A truncated image is told with its case."""
    path = reader_folder.parent / "images/c1.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(VolumeFileError, match="case 'c1' of 'toy', image: "):
        load_dataset(reader_folder)["c1"].image()


def test_a_label_set_without_labels_allows_any_code(tmp_path, write_map, write_catalog):
    """Where an entry names no labels, codes are not checked."""
    write_map(tmp_path / "c1.nii.gz", {(0, 0, 0): 207})
    (case,) = load_dataset(write_catalog(toy={"labels": {}, "reference": "{case}.nii.gz"}))
    assert case.reference().array.max() == 207


def test_the_brain_is_whatever_is_not_0(tmp_path, write_map, write_catalog):
    """A mask of the brain is true where the file is not 0; another grid or an empty mask is an error that names it."""
    write_map(tmp_path / "mask/c1.nii.gz", {(0, 0, 0): 1})
    write_map(tmp_path / "brain/c1.nii.gz", {(0, 0, 0): 7, (1, 0, 0): 1})
    path = write_catalog(toy={"reference": "mask/{case}.nii.gz", "brain": "brain/{case}.nii.gz"})
    case = load_dataset(path)["c1"]
    assert np.argwhere(case.brain()).tolist() == [[0, 0, 0], [1, 0, 0]]
    write_map(tmp_path / "brain/c1.nii.gz", {})
    with pytest.raises(DataError, match=r"c1.*brain.*is 0 everywhere"):
        case.brain()
    write_map(tmp_path / "brain/c1.nii.gz", {(0, 0, 0): 1}, spacing=(2.5, 0.5, 0.5))
    with pytest.raises(GeometryError, match=r"c1.*brain"):
        case.brain()


def test_reference_and_truth_are_kept_apart(tmp_path, write_map, write_catalog):
    """The released mask and the true mask are their own files; readers have none of them."""
    write_map(tmp_path / "mask/c1.nii.gz", {(0, 0, 0): 1})
    write_map(tmp_path / "truth/c1.nii.gz", {(0, 0, 0): 2})
    path = write_catalog(toy={"reference": "mask/{case}.nii.gz", "truth": "truth/{case}.nii.gz"})
    (case,) = load_dataset(path)
    assert case.readers == ()
    assert case.reference().array[0, 0, 0] == 1
    assert case.truth().array[0, 0, 0] == 2


def test_all_slices_are_annotated_unless_the_entry_says_otherwise(reader_folder):
    """The rule 'all' needs no file and gives None."""
    assert load_dataset(reader_folder)["c1"].annotated("anna") is None


def test_nonempty_slices_are_annotated(reader_folder, write_catalog):
    """By the rule 'nonempty' each reader annotated the slices in which that reader drew anything."""
    path = write_catalog(toy={"readers": "readers/{reader}/{case}.nii.gz", "annotated": "nonempty"})
    case = load_dataset(path)["c1"]
    assert case.annotated("anna").tolist() == [False, True, False]
    assert case.annotated("ben").tolist() == [True, False, True]
    assert case.annotated("ben", case.reader("anna")).tolist() == [False, True, False]
    with pytest.raises(DatasetError, match="has no reference; name one of its readers: anna, ben"):
        case.annotated()


def test_annotated_slices_from_the_case_table(reader_folder, write_catalog):
    """A column of the case table lists the annotated slices, for all readers of the case."""
    table = reader_folder.parent / "cases.csv"
    rule = {"annotated": {"column": "slices"}, "cases": "cases.csv"}
    path = write_catalog(toy={"readers": "readers/{reader}/{case}.nii.gz"} | rule)
    table.write_text("case,slices\nc1,0;2\nc2,all\n")
    dataset = load_dataset(path)
    assert dataset["c1"].annotated("ben").tolist() == [True, False, True]
    assert dataset["c2"].annotated("anna") is None
    table.write_text("case,slices\nc1,2-3\nc2,all\n")
    with pytest.raises(DatasetError, match="lists slice 3 as annotated, but the image has 3 slices"):
        load_dataset(path)["c1"].annotated("anna")


def test_annotated_slices_of_a_reference(tmp_path, write_map, write_catalog):
    """Without a reader's name the rule is applied to the released mask."""
    write_map(tmp_path / "c1.nii.gz", {(2, 0, 0): 1})
    (case,) = load_dataset(write_catalog(toy={"reference": "{case}.nii.gz", "annotated": "nonempty"}))
    assert case.annotated().tolist() == [False, False, True]


def test_all_label_maps_come_with_their_slices(reader_folder, write_catalog):
    """What each reader drew and where each looked, as the consensus takes it."""
    drawn = load_dataset(reader_folder)["c1"].label_maps()
    assert list(drawn.arrays) == list(drawn.volumes) == ["anna", "ben"]
    assert drawn.annotated == {"anna": None, "ben": None}
    patterns = {"image": "images/{case}.nii.gz", "readers": "readers/{reader}/{case}.nii.gz"}
    drawn = load_dataset(write_catalog(toy={**patterns, "annotated": "nonempty"}))["c1"].label_maps()
    assert drawn.annotated["ben"].tolist() == [True, False, True]
    assert drawn.arrays["ben"][0, 0, 0] == 2


@pytest.mark.parametrize("which", ["images/c1", "readers/anna/c1", "readers/ben/c1"])
def test_a_check_finds_the_file_that_cannot_be_used(reader_folder, which):
    """Whole files pass; a cut one is found, the image's too, and whose it is stands in the message."""
    case = load_dataset(reader_folder)["c1"]
    case.check()
    path = reader_folder.parent / f"{which}.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])
    whose = "image" if which.startswith("images") else f"reader '{which.split('/')[1]}'"
    with pytest.raises(VolumeFileError, match=whose):
        case.check()


def test_the_grid_is_read_of_the_header_of_the_image(reader_folder, monkeypatch):
    """An image of gigabytes is not decoded for each reader who drew on it."""
    monkeypatch.setattr("ctbench.datasets.case.read_volume", None)
    case = load_dataset(reader_folder)["c1"]
    assert case.reader("anna").shape == case.reader("ben").shape == (3, 4, 5)
    assert case.image_geometry().shape == (3, 4, 5)


def test_a_case_says_whose_image_has_no_readable_grid(reader_folder):
    """The error of a header that cannot be read names the case; a case without an image has no grid."""
    case = load_dataset(reader_folder)["c1"]
    assert replace(case, image_path=None).image_geometry() is None
    case.image_path.write_bytes(b"")
    with pytest.raises(VolumeFileError, match="case 'c1' of 'toy', image"):
        case.image_geometry()


@pytest.fixture
def named(tmp_path, write_map, write_catalog):
    """A case with an image, read by anna with ITK-SNAP's label descriptions, and by ben with one file per structure."""
    write_map(tmp_path / "images/c1.nii.gz", dtype=np.int16)
    write_map(tmp_path / "anna/c1.nii.gz", {(0, 0, 0): 9, (1, 1, 1): 5})
    (tmp_path / "anna.txt").write_text('5 255 0 0 1 1 1 "Blood"\n9 0 255 0 1 1 1 "IVH"\n')
    (tmp_path / "ben.txt").touch()
    write_map(tmp_path / "ben/c1_iph.nii.gz", {(1, 1, 1): 255})
    write_map(tmp_path / "ben/c1_ivh.nii.gz", {(0, 0, 0): 1, (1, 1, 1): 1})

    def load(**fields):
        readers = {"anna": "anna/{case}.nii.gz", "ben": "ben/{case}_{label}.nii.gz"}
        entry = {"image": "images/{case}.nii.gz", "readers": readers, "label_descriptions": "{reader}.txt"} | fields
        return load_dataset(write_catalog(toy=entry))

    return load


def test_names_in_files_meet_the_labels_by_the_rules_of_the_entry(named):
    """An alias and the rule of overlaps hold for every reader of the data set."""
    (case,) = named(aliases={"blood": "iph"}, overlap="last")
    assert np.argwhere(case.reader("anna").array == 1).tolist() == [[1, 1, 1]]
    assert np.argwhere(case.reader("anna").array == 2).tolist() == [[0, 0, 0]]
    assert np.argwhere(case.reader("ben").array == 2).tolist() == [[0, 0, 0], [1, 1, 1]]
    (case,) = named()
    with pytest.raises(LabelError, match=r"^case 'c1' of 'toy', reader 'anna': .*'Blood', which matches no label"):
        case.reader("anna")
    with pytest.raises(LabelError, match=r"^case 'c1' of 'toy', reader 'ben': .*1 voxels are both iph and ivh"):
        case.reader("ben")


def test_the_fingerprint_holds_what_the_names_become(named):
    """Aliases, the rule of overlaps and the structure of each file change what is scored."""
    prints = {
        named(**fields).fingerprint()
        for fields in ({}, {"aliases": {"blood": "iph"}}, {"aliases": {"blood": "ivh"}}, {"overlap": "last"})
    }
    assert len(prints) == 4
    lines = [line.split("\t")[1:4] for line in named(overlap="last").file_lines()]
    assert ["naming", "", ""] in lines
    assert ["reader", "ben", "iph"] in lines
    assert ["descriptions", "anna", ""] in lines


def test_released_shares_are_read_with_the_mask_that_they_make(tmp_path, write_map, write_catalog):
    """The mask is what more than half drew; slices in which anybody drew anything are annotated."""
    image = write_map(tmp_path / "images/c1.nii.gz", dtype=np.int16)
    share = np.zeros((3, 4, 5), np.float32)
    share[0, 0, :3] = 0.25, 0.5, 0.75
    share[2, 0, 0] = 0.25
    write_volume(read_volume(image).with_array(share), tmp_path / "shares/c1_ivh.nii.gz")
    rules = {"image": "images/{case}.nii.gz", "reference": "shares/{case}_{label}.nii.gz", "annotated": "nonempty"}
    (case,) = load_dataset(write_catalog(toy=rules | {"reference_holds": "shares"}))
    assert list(case.shares()) == ["ivh"]
    np.testing.assert_array_equal(case.reference().array, np.where(share > 0.5, 2, 0))
    assert case.annotated().tolist() == [True, False, True]
    assert case.mask_files() == (tmp_path / "shares/c1_ivh.nii.gz",)
    case.check()
    (tmp_path / "shares/c1_ivh.nii.gz").write_bytes(b"broken")
    with pytest.raises(VolumeFileError, match="case 'c1' of 'toy', reference"):
        case.shares()
