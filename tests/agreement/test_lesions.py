"""Lesions among the readers of a dataset: who is counted, and what is measured of each candidate."""

import numpy as np
import pytest

from ctbench.agreement.lesions import study_lesions
from ctbench.datasets import load_dataset
from ctbench.errors import UsageError
from ctbench.volume import Volume, read_volume, write_volume

YAML = """
toy:
  title: t
  modality: CT
  task: segmentation
  labels: {iph: 1, ivh: 2}
  readers: '{reader}/{case}.nii.gz'
  reader_labels: {c: [iph]}
"""


@pytest.fixture
def toy(tmp_path):
    """c1: a lesion of all, one of a and b, one of c, and ivh of a; c2: nothing. c was not asked for ivh."""
    drawn = {"a": [(1, 2, 6), (1, 12, 16)], "b": [(1, 3, 7), (1, 12, 16)], "c": [(1, 2, 7), (1, 20, 22)]}
    for reader, lesions in drawn.items():
        array = np.zeros((3, 6, 24), np.uint8)
        write_volume(Volume(array, (5.0, 1.0, 1.0)), tmp_path / reader / "c2.nii.gz")
        for z, begin, end in lesions:
            array[z, 2:4, begin:end] = 1
        if reader == "a":
            array[2, 5, 0:4] = 2
        write_volume(Volume(array, (5.0, 1.0, 1.0)), tmp_path / reader / "c1.nii.gz")
    (tmp_path / "toy.yaml").write_text(YAML)
    return load_dataset(tmp_path / "toy.yaml")


def test_every_candidate_has_a_row_and_every_reader_of_it(toy):
    """Volumes are means over finders; c, who was not asked, is in no row of ivh, and one of two leaves it undecided."""
    study = study_lesions(toy, jobs=1)
    rows = study.lesions.set_index(["label", "lesion"])
    assert rows["verdict"].to_dict() == {
        ("iph", 1): "lesion",
        ("iph", 2): "lesion",
        ("iph", 3): "no lesion",
        ("ivh", 1): "undecided",
    }
    assert rows.loc[("iph", 1), "volume_ml"] == pytest.approx((8 + 8 + 10) / 3 * 0.005)
    assert rows["size_class"].tolist() == ["small"] * 4
    assert rows["found_by"].tolist() == ["a b c", "a b", "c", "a"]
    assert rows["missed_by"].tolist() == ["", "c", "a b", "b"]
    assert rows["slice"].tolist() == [1, 1, 1, 2]
    assert study.readings.groupby(["label", "lesion"]).size().tolist() == [3, 3, 3, 2]
    own = study.readings.set_index(["label", "lesion", "reader"]).loc[("iph", 2, "c")]
    assert (own["found"], own["pieces"], own["others_found"], own["others_read"]) == (False, 0, 2, 2)


def test_cases_without_a_lesion_have_rows_too(toy):
    """Agreement on presence needs the case in which nobody found anything."""
    cases = study_lesions(toy, jobs=1).cases.set_index(["case", "label", "reader"])["lesions"]
    assert cases["c1", "iph"].to_dict() == {"a": 2, "b": 2, "c": 2}
    assert cases["c2", "iph"].to_dict() == {"a": 0, "b": 0, "c": 0}
    assert cases["c1", "ivh"].to_dict() == {"a": 1, "b": 0}


def test_the_most_disputed_come_first_with_their_slice(toy):
    """Half of two readers before one of three, then the larger one; the shade is the share of readers who drew it."""
    study = study_lesions(toy, jobs=1)
    assert study.disputed[["label", "lesion"]].to_numpy().tolist() == [["ivh", 1], ["iph", 2], ["iph", 3]]
    assert study.disputed["dispute"].tolist() == pytest.approx([1 / 2, 1 / 3, 1 / 3])
    assert list(study.pictures) == [("c1", "ivh", 1), ("c1", "iph", 2), ("c1", "iph", 3)]
    seen = study.pictures["c1", "iph", 2]
    assert (seen.z, seen.image) == (1, None)
    drawn = seen.shade.array[0] > 0
    assert drawn.sum() == 8
    np.testing.assert_allclose(seen.shade.array[0][drawn], 2 / 3)


def test_maps_hold_the_numbers_of_the_candidates(toy, tmp_path):
    """One file for each structure of a case with some; only the structures that are asked for are studied."""
    study = study_lesions(toy, structures=["iph"], jobs=1, maps=tmp_path / "maps")
    assert set(study.lesions["label"]) == {"iph"}
    assert [file.name for file in (tmp_path / "maps").iterdir()] == ["c1_iph_lesions.nii.gz"]
    numbers = read_volume(tmp_path / "maps" / "c1_iph_lesions.nii.gz").array
    assert {value: int((numbers == value).sum()) for value in (1, 2, 3)} == {1: 10, 2: 8, 3: 4}
    assert numbers[1, 2, 12] == 2


def test_a_wrong_tolerance_is_refused_before_anything_is_read(toy, tmp_path):
    """The files are gone, which is not what the message says."""
    for file in tmp_path.glob("*/c1.nii.gz"):
        file.unlink()
    with pytest.raises(UsageError, match="the tolerance of lesions is -1 mm"):
        study_lesions(toy, tolerance_mm=-1, jobs=1)


def test_the_tolerance_is_kept(toy):
    """Within 5 mm the lesion of c joins that of a and b (16 and 20: four voxels apart), which then all have found."""
    study = study_lesions(toy, tolerance_mm=5, jobs=1)
    assert study.tolerance_mm == 5
    assert study.lesions.loc[study.lesions["label"] == "iph", "found"].tolist() == [3, 3]
