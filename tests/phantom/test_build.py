import csv
from collections import Counter

import numpy as np
import pytest

from ctbench.datasets import size_class
from ctbench.errors import UsageError
from ctbench.files import sha256
from ctbench.phantom import (
    ANATOMY_READERS,
    HEMORRHAGE_READERS,
    anatomy_labels,
    build_anatomy,
    build_hemorrhage,
    hemorrhage_labels,
)
from ctbench.volume import check_same_grid, read_label_map, read_volume

SMALL = (14, 48, 48)


def table(folder):
    """Rows of a dataset's case table."""
    with (folder / "cases.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def anatomy(tmp_path_factory):
    """A small dataset of structures."""
    folder = tmp_path_factory.mktemp("anatomy")
    build_anatomy(folder, train=1, validation=1, test=2, shape=SMALL, jobs=1)
    return folder


@pytest.fixture(scope="module")
def hemorrhage(tmp_path_factory):
    """A dataset of hemorrhages with the real number of test cases, but small scans."""
    folder = tmp_path_factory.mktemp("hemorrhage")
    build_hemorrhage(folder, train=2, validation=2, test=24, shape=SMALL, jobs=1)
    return folder


def test_every_case_has_image_truth_and_readers_on_one_grid(anatomy):
    """The files are where the catalogue looks for them, and label maps hold known codes only."""
    cases = [row["case"] for row in table(anatomy)]
    assert cases == ["anatomy-001", "anatomy-002", "anatomy-003", "anatomy-004"]
    for case in cases:
        image = read_volume(anatomy / "images" / f"{case}.nii.gz")
        for folder in ("truth", *(f"readers/{reader}" for reader in ANATOMY_READERS)):
            label_map = read_label_map(anatomy / folder / f"{case}.nii.gz", labels=anatomy_labels)
            check_same_grid(label_map.geometry, image.geometry, found_name=folder, expected_name="image")


def test_the_table_says_split_patient_and_subgroups(anatomy):
    """The columns of the case table are those of the datasets, and patients differ."""
    rows = table(anatomy)
    assert list(rows[0]) == ["case", "split", "patient", "scanner", "noise", "slice_thickness_mm"]
    assert [row["split"] for row in rows] == ["train", "validation", "test", "test"]
    assert len({row["patient"] for row in rows}) == 4


def test_training_cases_are_read_on_every_slice_and_test_cases_on_a_few(anatomy):
    """All readers annotate the same slices: all that show the brain, or four to six."""
    for row in table(anatomy):
        truth = read_label_map(anatomy / "truth" / f"{row['case']}.nii.gz").array
        shown = [
            read_label_map(anatomy / "readers" / reader / f"{row['case']}.nii.gz").array.any(axis=(1, 2))
            for reader in ANATOMY_READERS
        ]
        np.testing.assert_array_equal(shown[0], shown[1])
        np.testing.assert_array_equal(shown[0], shown[2])
        if row["split"] == "test":
            assert 4 <= np.count_nonzero(shown[0]) <= 6
            assert not (shown[0] & ~truth.any(axis=(1, 2))).any()
        else:
            np.testing.assert_array_equal(shown[0], truth.any(axis=(1, 2)))


def test_half_of_every_split_is_normal(hemorrhage):
    """Of 24 test cases 12 are normal."""
    normal = Counter((row["split"], row["type"] == "normal") for row in table(hemorrhage))
    assert normal == {
        ("train", True): 1,
        ("train", False): 1,
        ("validation", True): 1,
        ("validation", False): 1,
        ("test", True): 12,
        ("test", False): 12,
    }


def test_twelve_positive_cases_hold_every_pair_of_type_and_size_once(hemorrhage):
    """Types and size classes are spread evenly over the test split."""
    positives = [row for row in table(hemorrhage) if row["split"] == "test" and row["type"] != "normal"]
    pairs = Counter((row["type"], row["size_class"]) for row in positives)
    assert set(pairs.values()) == {1}
    assert {kind for kind, _ in pairs} == set(hemorrhage_labels)
    assert {size for _, size in pairs} == {"small", "medium", "large"}


def test_the_table_agrees_with_the_truth(hemorrhage):
    """Types and size class of each case are those of its true mask."""
    for row in table(hemorrhage):
        truth = read_label_map(hemorrhage / "truth" / f"{row['case']}.nii.gz", labels=hemorrhage_labels)
        present = {name for name, code in hemorrhage_labels.items() if (truth.array == code).any()}
        if row["type"] == "normal":
            assert not present
            continue
        assert present == set(row["types"].split("+"))
        voxels = np.count_nonzero(truth.array == hemorrhage_labels[row["type"]])
        assert size_class(voxels * truth.voxel_ml) == row["size_class"]


def test_the_same_seed_writes_the_same_files_with_any_number_of_processes(tmp_path, anatomy):
    """A dataset made again, in two processes, has the same bytes."""
    build_anatomy(tmp_path, train=1, validation=1, test=2, shape=SMALL, jobs=2)
    files = sorted(path.relative_to(anatomy) for path in anatomy.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert [sha256(anatomy / path) for path in files] == [sha256(tmp_path / path) for path in files]


def test_another_seed_writes_other_heads(tmp_path, anatomy):
    """The seed chooses the subjects."""
    build_anatomy(tmp_path, train=1, validation=0, test=0, shape=SMALL, seed=1, jobs=1)
    one, other = (read_volume(folder / "images" / "anatomy-001.nii.gz") for folder in (anatomy, tmp_path))
    assert np.any(one.array != other.array)


def test_readers_confuse_types_now_and_then(hemorrhage):
    """Among 12 bleeds by default some reader calls one another type."""
    confused = 0
    for row in table(hemorrhage):
        truth = read_label_map(hemorrhage / "truth" / f"{row['case']}.nii.gz").array
        for reader in HEMORRHAGE_READERS:
            drawn = read_label_map(hemorrhage / "readers" / reader / f"{row['case']}.nii.gz").array
            confused += len(set(np.unique(drawn)) - set(np.unique(truth))) > 0
    assert 0 < confused < 12


def test_a_cohort_of_hydrocephalus_has_wide_ventricles_shunts_and_hidden_sulci(tmp_path, anatomy):
    """As in Cai's second comparison: the sixth case is not assessed for its central sulcus, and no reader drew one."""
    build_anatomy(tmp_path, train=0, validation=0, test=6, shape=SMALL, cohort="inph", jobs=1)
    rows = table(tmp_path)
    assert [row["not_assessed"] for row in rows] == [""] * 5 + ["central_sulcus"]
    assert "not_assessed" not in table(anatomy)[0]
    maps = {
        row["case"]: [
            read_label_map(tmp_path / "readers" / reader / f"{row['case']}.nii.gz").array for reader in ANATOMY_READERS
        ]
        for row in rows
    }
    sulcus = anatomy_labels["central_sulcus"]
    assert not any((one == sulcus).any() for one in maps["anatomy-006"])
    assert all((one == sulcus).any() for one in maps["anatomy-001"])
    share = [
        np.mean(read_label_map(folder / "truth" / f"{row['case']}.nii.gz").array == anatomy_labels["ventricles"])
        for folder in (anatomy, tmp_path)
        for row in table(folder)
    ]
    assert min(share[4:]) > 1.3 * max(share[:4])
    with pytest.raises(UsageError, match="unknown cohort 'ms'"):
        build_anatomy(tmp_path / "x", cohort="ms", jobs=1)


def test_another_scanner_sees_the_same_heads(tmp_path, anatomy):
    """The truth is the same, the HU are not; the case table names the scanner."""
    build_anatomy(tmp_path, train=1, validation=1, test=2, shape=SMALL, other_scanner=True, jobs=1)
    assert {row["scanner"] for row in table(tmp_path)} == {"D"}
    name = "anatomy-001.nii.gz"
    assert sha256(tmp_path / "truth" / name) == sha256(anatomy / "truth" / name)
    one, other = (read_volume(folder / "images" / name).array.astype(float) for folder in (tmp_path, anatomy))
    brain = read_label_map(anatomy / "truth" / name).array > 0
    assert 3 < (one - other)[brain].mean() < 15
