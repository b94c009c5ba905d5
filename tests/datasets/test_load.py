import pickle

import pytest

from ctbench.datasets import load_dataset
from ctbench.errors import DatasetError, MissingFileError

READERS = {"readers": "readers/{reader}/{case}.nii.gz"}


def test_cases_come_from_the_files(reader_folder):
    """Without a case table every matching file makes a case, and readers may differ between cases."""
    dataset = load_dataset(reader_folder)
    assert [case.id for case in dataset] == ["c1", "c2"]
    assert [case.readers for case in dataset] == [("anna", "ben"), ("anna",)]
    assert dataset.readers == ("anna", "ben")


def test_root_is_the_folder_of_the_yaml_unless_it_is_given(tmp_path, write_map, write_catalog, monkeypatch):
    """A root may be relative to the YAML, hold an environment variable, or begin with the home folder."""
    write_map(tmp_path / "data/readers/anna/c1.nii.gz")
    monkeypatch.setenv("TOY", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for root in ("data", "${TOY}", "$TOY/../data", "~/data", str(tmp_path / "data")):
        assert len(load_dataset(write_catalog(toy=READERS | {"root": root}))) == 1


def test_an_unset_variable_is_named_with_the_way_to_the_data(write_catalog, monkeypatch):
    """Who has not set the root learns which variable to set and how to get the files."""
    monkeypatch.delenv("NOWHERE", raising=False)
    path = write_catalog(toy=READERS | {"root": "${NOWHERE}/toy", "access": "Ask the authors."})
    with pytest.raises(DatasetError, match=r"variable NOWHERE is not set; .* How to get the files: Ask the authors\."):
        load_dataset(path)


def test_a_root_that_is_not_there_is_told(write_catalog):
    """A root that is no folder is an error with the way to the data."""
    with pytest.raises(MissingFileError, match=r"its root at .*absent, which is not a folder"):
        load_dataset(write_catalog(toy=READERS | {"root": "absent"}))


def test_a_folder_without_a_match_is_told(write_catalog):
    """Patterns that match nothing are an error, not an empty dataset."""
    with pytest.raises(MissingFileError, match="has no cases: nothing in"):
        load_dataset(write_catalog(toy=READERS))


def test_a_missing_mask_of_a_named_reader_is_an_error(tmp_path, write_map, write_catalog):
    """Readers who are named one by one must have a file for every case; the message names case, reader and file."""
    write_map(tmp_path / "a/c1.nii.gz")
    write_map(tmp_path / "b/c1.nii.gz")
    write_map(tmp_path / "a/c2.nii.gz")
    path = write_catalog(toy={"readers": {"anna": "a/{case}.nii.gz", "ben": "b/{case}.nii.gz"}})
    with pytest.raises(MissingFileError) as caught:
        load_dataset(path)
    assert str(caught.value).startswith(f"case 'c2' of 'toy', reader 'ben': there is no file {tmp_path}/b/c2.nii.gz")


def test_the_case_table_says_who_read_which_case(reader_folder, write_catalog):
    """A reader whom the table names must have a file; one whom it does not name is left out."""
    folder = reader_folder.parent
    path = write_catalog(toy=READERS | {"cases": "cases.csv"})
    (folder / "cases.csv").write_text("case,readers\nc1,ben\nc2,anna\n")
    assert [case.readers for case in load_dataset(path)] == [("ben",), ("anna",)]
    (folder / "cases.csv").write_text("case,readers\nc2,anna;ben\n")
    with pytest.raises(MissingFileError, match="case 'c2' of 'toy', reader 'ben': there is no file"):
        load_dataset(path)


def test_the_case_table_rules_cases_and_their_order(reader_folder, write_catalog):
    """The rows are the cases; a file without a row is not used, a row without any file is an error."""
    folder = reader_folder.parent
    path = write_catalog(toy=READERS | {"cases": "cases.csv"})
    (folder / "cases.csv").write_text("case,split,patient,scanner\nc2,test,p2,GE\n")
    (case,) = load_dataset(path)
    assert (case.id, case.split, case.patient, case.subgroups) == ("c2", "test", "p2", {"scanner": "GE"})
    (folder / "cases.csv").write_text("case\nc3\n")
    with pytest.raises(DatasetError, match=r"case 'c3' of 'toy' has no reader's mask in .* for readers/\{reader\}/"):
        load_dataset(path)


def test_a_reader_without_a_pattern_is_an_error(reader_folder, write_catalog):
    """Whom the table names, the entry must know: nobody's reading is left out in silence."""
    path = write_catalog(toy={"readers": {"anna": "readers/anna/{case}.nii.gz"}, "cases": "cases.csv"})
    (reader_folder.parent / "cases.csv").write_text("case,readers\nc1,anna;ben\n")
    with pytest.raises(MissingFileError, match=r"'c1' of 'toy' was read by 'ben' \(case table\), but its entry has no"):
        load_dataset(path)


def test_several_problems_are_counted(reader_folder):
    """Loading tells the first problem and how many more there are."""
    for path in (reader_folder.parent / "images").iterdir():
        path.unlink()
    with pytest.raises(
        MissingFileError, match=r"case 'c1' of 'toy', image: .* \(1 more problems: see ctbench datasets"
    ):
        load_dataset(reader_folder)


def test_images_alone_are_no_segmentation(tmp_path, write_map, write_catalog):
    """An entry for segmentation that names no masks is told so."""
    write_map(tmp_path / "c1.nii.gz")
    with pytest.raises(DatasetError, match="has no reader's mask and its entry no pattern for one"):
        load_dataset(write_catalog(toy={"image": "{case}.nii.gz"}))


def test_the_case_table_may_lie_beside_the_yaml(reader_folder, write_catalog):
    """Who may not write to the data keeps the table beside the YAML; without it in either place loading fails."""
    folder = reader_folder.parent
    path = write_catalog(toy={"readers": "{reader}/{case}.nii.gz", "root": "readers", "cases": "cases.csv"})
    with pytest.raises(MissingFileError, match=r"neither .*readers/cases\.csv nor .*/cases\.csv"):
        load_dataset(path)
    (folder / "cases.csv").write_text("case\nc1\n")
    assert [case.id for case in load_dataset(path)] == ["c1"]


def test_a_case_without_any_reader_is_an_error(reader_folder, write_map):
    """An image that nobody read cannot be scored, and is not left out in silence."""
    write_map(reader_folder.parent / "images/c3.nii.gz")
    with pytest.raises(DatasetError, match="case 'c3' of 'toy' has no reader's mask"):
        load_dataset(reader_folder)


@pytest.mark.parametrize("missing", ["image", "reference", "truth"])
def test_a_missing_file_of_a_case_is_an_error(missing, tmp_path, write_map, write_catalog):
    """Image, released mask and truth must be there for every case if the entry has a pattern for them."""
    for role in ("image", "reference", "truth"):
        for case in ("c1", "c2"):
            write_map(tmp_path / role / f"{case}.nii.gz")
    (tmp_path / missing / "c2.nii.gz").unlink()
    path = write_catalog(toy={role: role + "/{case}.nii.gz" for role in ("image", "reference", "truth")})
    with pytest.raises(MissingFileError, match=f"case 'c2' of 'toy', {missing}: there is no file"):
        load_dataset(path)


def test_two_files_for_one_are_an_error(tmp_path, write_map, write_catalog):
    """Where a star matches several files, none is chosen for the user."""
    write_map(tmp_path / "c1/a.nii.gz")
    write_map(tmp_path / "c1/b.nii.gz")
    with pytest.raises(
        DatasetError, match=r"case 'c1' of 'toy', reference: 2 files match .*a\.nii\.gz and .*leave one"
    ):
        load_dataset(write_catalog(toy={"reference": "{case}/*.nii.gz"}))


def test_classification_needs_no_masks(tmp_path, write_map, write_catalog):
    """A dataset for classification may have images only."""
    write_map(tmp_path / "c1.nii.gz")
    (case,) = load_dataset(write_catalog(toy={"task": "classification", "image": "{case}.nii.gz"}))
    assert (case.readers, case.reference()) == ((), None)


def test_a_dataset_travels_to_another_process(reader_folder):
    """Dataset and cases are plain values that can be pickled."""
    dataset = load_dataset(reader_folder)
    assert pickle.loads(pickle.dumps(dataset)) == dataset  # noqa: S301  # our own bytes


def test_six_nodules_with_four_readers(real_data, write_catalog):
    """A user's YAML for a folder of real readers' masks without images: every mask of a nodule lies on one grid."""
    path = write_catalog(
        nodules={"labels": {"nodule": 1}, "root": str(real_data / "readers_lidc"), "readers": "{case}_{reader}.nii.gz"}
    )
    dataset = load_dataset(path)
    assert len(dataset) == 6
    assert dataset.readers == ("reader1", "reader2", "reader3", "reader4")
    for case in dataset:
        maps = [case.reader(reader) for reader in case.readers]
        assert len(maps) == 4
        assert all(label_map.geometry == maps[0].geometry and label_map.array.any() for label_map in maps)
