import json
import time
from dataclasses import replace

import pytest

from ctbench.datasets import load_dataset
from ctbench.errors import DatasetError, MissingFileError, UsageError, VolumeFileError
from ctbench.files import sha256


@pytest.fixture
def dataset(reader_folder, write_catalog):
    """The toy dataset with a case table: c2 for training, c1 for testing."""
    (reader_folder.parent / "cases.csv").write_text("case,split,not_assessed\nc2,train,ivh\nc1,test,\n")
    return load_dataset(
        write_catalog(
            toy={
                "image": "images/{case}.nii.gz",
                "readers": "readers/{reader}/{case}.nii.gz",
                "cases": "cases.csv",
                "groups": {"hemorrhage": ["iph", "ivh"]},
                "tolerance_mm": {"iph": 2.0, "hemorrhage": 3.0},
                "surface": "2d",
            }
        )
    )


def test_it_says_what_the_entry_says(dataset):
    """What scoring needs stands on the dataset itself."""
    assert (dataset.name, dataset.title, dataset.modality, dataset.task) == ("toy", "made up", "CT", "segmentation")
    assert dataset.labels.codes_of("hemorrhage") == (1, 2)
    assert (dataset.surface, dataset.annotated) == ("2d", "all")
    assert dataset.tolerance_mm == {"iph": 2.0, "hemorrhage": 3.0}
    assert dataset["c2"].not_assessed == ("ivh",)


def test_an_unknown_case_offers_the_nearest(dataset):
    """A misspelt case is told with what was probably meant."""
    with pytest.raises(DatasetError, match="dataset 'toy' has no case 'c11'; did you mean 'c1'"):
        dataset["c11"]


def test_a_split_is_a_dataset(dataset):
    """A split keeps everything but the other cases; one that no case is in is an error."""
    assert [case.id for case in dataset.split("test")] == ["c1"]
    assert dataset.split("test").labels == dataset.labels
    with pytest.raises(DatasetError, match="no case in the split 'validation'; its splits: train, test"):
        dataset.split("validation")


def test_a_dataset_without_splits_says_so(reader_folder):
    """Asking for a split where there are none is told apart from asking for the wrong one."""
    with pytest.raises(DatasetError, match="its case table has no splits"):
        load_dataset(reader_folder).split("test")


def test_select_keeps_the_order_of_the_dataset(dataset):
    """Cases come as they stand in the table, whatever the order of the wish; an unknown one is an error."""
    assert [case.id for case in dataset.select(["c1", "c2", "c1"])] == ["c2", "c1"]
    with pytest.raises(DatasetError, match="has no case 'c9'"):
        dataset.select(["c9"])


def test_the_fingerprint_is_of_the_bytes(dataset, write_map):
    """Any change of an image or a mask changes the fingerprint; order, place and unused files do not."""
    before = dataset.fingerprint()
    assert before == replace(dataset, cases=dataset.cases[::-1]).fingerprint()
    assert len({before, dataset.split("test").fingerprint(), dataset.split("train").fingerprint()}) == 3
    write_map(dataset.root / "readers/carl/c1.nii.gz")
    assert dataset.fingerprint() == before
    write_map(dataset.root / "readers/ben/c1.nii.gz", {(0, 0, 0): 1})
    after_mask = dataset.fingerprint()
    write_map(dataset.root / "images/c2.nii.gz", {(0, 0, 0): 1})
    assert len({before, after_mask, dataset.fingerprint()}) == 3


def test_the_fingerprint_knows_who_drew_what(reader_folder):
    """Two readers who swap their masks give another fingerprint, though the bytes are the same."""
    dataset = load_dataset(reader_folder)
    before = dataset.fingerprint()
    anna, ben = (dataset["c1"].reader_path(name) for name in ("anna", "ben"))
    held = anna.read_bytes()
    anna.write_bytes(ben.read_bytes())
    ben.write_bytes(held)
    assert dataset.fingerprint() != before


def test_the_fingerprint_reads_folders_of_dicom(builtin, lay_out, tmp_path, monkeypatch):
    """Every file of a series counts, under its name."""
    monkeypatch.setenv("CTBENCH_DATA", str(tmp_path))
    root = tmp_path / "cq500"
    lay_out(builtin["cq500"].entry, root)
    dataset = load_dataset("cq500")
    before = dataset.fingerprint()
    first = next(root.rglob("0.dcm"))
    first.rename(first.with_name("9.dcm"))
    assert dataset.fingerprint() != before


def test_the_fingerprint_knows_the_pictures_and_their_rule(tmp_path, write_map, write_catalog):
    """The bytes of each picture, what its colours mean, and where it lies."""
    from PIL import Image

    write_map(tmp_path / "images/c1.nii.gz")
    folder = tmp_path / "masks/anna/c1/SegmentationClass"
    folder.mkdir(parents=True)
    (folder.parent / "labelmap.txt").write_text("iph:255,255,255::\n")
    for number in range(3):
        Image.new("RGB", (5, 4), (255, 255, 255)).save(folder / f"{number}.png")
    fields = {"image": "images/{case}.nii.gz", "readers": "masks/{reader}/{case}/"}
    seen = {load_dataset(write_catalog(toy=fields)).fingerprint()}
    seen.add(load_dataset(write_catalog(toy={**fields, "pictures": {"axes": ["-z", "y", "x"]}})).fingerprint())
    Image.new("RGB", (5, 4)).save(folder / "1.png")
    dataset = load_dataset(write_catalog(toy=fields))
    assert dataset["c1"].reader("anna").array.sum(axis=(1, 2)).tolist() == [20, 0, 20]
    seen.add(dataset.fingerprint())
    (folder.parent / "labelmap.txt").write_text("ivh:255,255,255::\n")
    seen.add(dataset.fingerprint())
    assert len(seen) == 4


def test_a_file_of_all_cases_is_read_case_by_case(tmp_path, write_map, write_catalog):
    """An export of Label Studio with two cases: each has its own pictures; a third is told to be absent."""
    for case in ("c1", "c2", "c3"):
        write_map(tmp_path / f"images/{case}.nii.gz")
    square = {"points": [[0, 0], [100, 0], [100, 100], [0, 100]], "polygonlabels": ["iph"]}
    result = [{"type": "polygonlabels", "original_height": 4, "original_width": 5, "value": square}]
    tasks = [
        {"id": slice_, "data": {"image": f"{case}_{slice_}.png"}, "annotations": [{"result": result * (slice_ == at)}]}
        for case, at in (("c1", 0), ("c2", 2))
        for slice_ in range(3)
    ]
    (tmp_path / "anna.json").write_text(json.dumps(tasks))
    fields = {"image": "images/{case}.nii.gz", "readers": "{reader}.json", "pictures": {"axes": ["z", "y", "x"]}}
    dataset = load_dataset(write_catalog(toy=fields))
    assert dataset["c1"].reader("anna").array.sum(axis=(1, 2)).tolist() == [20, 0, 0]
    assert dataset["c2"].reader("anna").array.sum(axis=(1, 2)).tolist() == [0, 0, 20]
    with pytest.raises(VolumeFileError, match=r"case 'c3' of 'toy', reader 'anna': .*anna.json has no picture of case"):
        dataset["c3"].reader("anna")
    assert len({line for line in dataset.file_lines() if "\treader\t" in line}) == 3


def test_a_file_of_all_cases_is_digested_once(tmp_path, write_map, write_catalog, monkeypatch):
    """Its bytes are read once for a fingerprint, not again for each case; its line stands for each case."""
    for case in ("c1", "c2", "c3"):
        write_map(tmp_path / f"images/{case}.nii.gz")
    (tmp_path / "anna.json").write_text("[]")
    dataset = load_dataset(write_catalog(toy={"image": "images/{case}.nii.gz", "readers": "{reader}.json"}))
    read = []

    def counted(path):
        read.append(path.name)
        return sha256(path)

    monkeypatch.setattr("ctbench.datasets.dataset.sha256", counted)
    assert sum("\treader\tanna\t" in line for line in dataset.file_lines()) == 3
    assert sorted(read) == ["anna.json", "c1.nii.gz", "c2.nii.gz", "c3.nii.gz"]


@pytest.mark.parametrize(("spoil", "error"), [("gone", MissingFileError), ("a circle", VolumeFileError)])
def test_a_file_that_cannot_be_read_any_more_has_no_fingerprint(reader_folder, spoil, error):
    """The dataset was loaded before: the message names the case and the file."""
    dataset = load_dataset(reader_folder)
    path = dataset["c2"].image_path
    path.unlink()
    if spoil == "a circle":
        path.symlink_to(path)
    with pytest.raises(error, match=r"case 'c2' of 'toy': .*c2\.nii\.gz"):
        dataset.fingerprint()


def test_a_case_without_a_patient_is_its_own(reader_folder):
    """Two scans of one patient have the same; what the case table does not say is not guessed."""
    dataset = load_dataset(reader_folder)
    cases = tuple(
        replace(dataset["c1"], id=name, patient=patient) for name, patient in zip("abc", ["p", "p", None], strict=True)
    )
    assert replace(dataset, cases=cases).patients == {"a": "p", "b": "p", "c": "c"}


def test_selecting_takes_no_longer_for_the_last_case(reader_folder):
    """A name is looked up, not searched for; one that is not there is told with the nearest."""
    dataset = load_dataset(reader_folder)
    many = replace(dataset, cases=tuple(replace(dataset["c1"], id=f"case{number:05d}") for number in range(20_000)))
    names = [case.id for case in many]
    start = time.process_time()
    assert [case.id for case in many.select(names)] == names
    assert time.process_time() - start < 5  # one after the other it would be minutes
    with pytest.raises(DatasetError, match="did you mean"):
        many.select(["case0000x"])


def test_a_tolerance_can_be_set_for_all_structures_or_one(dataset):
    """A number replaces all, a name its own only; the files, and so the fingerprint, are the same."""
    assert dataset.with_tolerance(0.5).tolerance_mm == 0.5
    assert dataset.with_tolerance({"iph": 1.0}).tolerance_mm == {"iph": 1.0, "hemorrhage": 3.0}
    one = dataset.with_tolerance(0.5).with_tolerance({"ivh": 4.0})
    assert one.tolerance_mm == {"iph": 0.5, "ivh": 4.0, "hemorrhage": 0.5}
    assert one.fingerprint() == dataset.fingerprint()


@pytest.mark.parametrize(
    ("tolerance", "message"),
    [
        (0.0, "expected a positive tolerance in mm, got 0.0"),
        (float("nan"), "got nan"),
        ({"iph": float("inf")}, "got inf"),
        ({"sah": 1.0}, "tolerance of 'sah': dataset toy has iph, ivh, hemorrhage"),
    ],
)
def test_an_impossible_tolerance_is_refused(dataset, tolerance, message):
    """As a stranger's run.json may hold one."""
    with pytest.raises(UsageError, match=message):
        dataset.with_tolerance(tolerance)
