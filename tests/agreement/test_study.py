import numpy as np
import pandas as pd
import pytest
import SimpleITK

from ctbench.agreement import study_readers
from ctbench.datasets import load_dataset
from ctbench.errors import DataError

YAML = """
nodules:
  title: Six lung nodules, each outlined by four readers
  modality: CT
  task: segmentation
  labels: {{nodule: 1}}
  root: {root}
  readers: "{{case}}_{{reader}}.nii.gz"
"""


def test_all_cases_pairs_and_structures_are_there(study):
    """Four cases, three pairs, three structures of which one case could not assess one."""
    assert study.cases == ("a", "b", "c", "d")
    assert study.readers == ("r1", "r2", "r3")
    dice = study.pairs[study.pairs["metric"] == "dice"]
    assert len(dice) == 3 * (4 * 3 - 1)
    assert set(study.disagreement["case"]) == set(study.pictures) == set("abcd")
    assert not study.skipped


@pytest.mark.slow
def test_the_number_of_processes_makes_no_difference(blobs, study):
    """Cases end in any order, and stand in that of the dataset."""
    parallel = study_readers(blobs, jobs=2)
    for name in ("pairs", "agreement", "by_reader", "disagreement"):
        pd.testing.assert_frame_equal(getattr(parallel, name), getattr(study, name))
    assert list(parallel.pictures) == list(study.pictures)


def test_cases_with_one_reader_are_skipped_and_named(blobs_folder):
    """A case that one reader read cannot be compared; the others can."""
    for reader in ("r2", "r3"):
        (blobs_folder / "readers" / reader / "a.nii.gz").unlink()
    study = study_readers(load_dataset(blobs_folder / "blobs.yaml"), jobs=1)
    assert study.cases == ("b", "c", "d")
    assert study.skipped == {"a": "it has 1 reader"}


def test_a_dataset_of_single_readers_is_refused(blobs_folder):
    """There is nothing to compare, and the message says of what."""
    for case in "abcd":
        for reader in ("r2", "r3"):
            (blobs_folder / "readers" / reader / f"{case}.nii.gz").unlink()
    with pytest.raises(DataError, match="no case of dataset 'blobs' has two readers"):
        study_readers(load_dataset(blobs_folder / "blobs.yaml"), jobs=1)


def test_split_and_progress(blobs):
    """Only the cases of the split are studied, and each is a step."""
    told = []

    def progress(name, steps, total):
        told.append((name, total))
        yield from steps

    assert study_readers(blobs, split="test", jobs=1, progress=progress).cases == ("b", "c", "d")
    assert told == [("reader study", 3)]


def test_maps_are_written_on_the_grid_of_the_case(blobs, tmp_path):
    """A NIfTI file for each case, 1/3 where one of three readers differs."""
    study_readers(blobs, jobs=1, maps=tmp_path / "maps")
    assert len(list((tmp_path / "maps").iterdir())) == 4
    image = SimpleITK.ReadImage(str(tmp_path / "maps" / "a_disagreement.nii.gz"))
    assert image.GetSpacing() == (1.0, 1.0, 4.0)
    np.testing.assert_allclose(np.unique(SimpleITK.GetArrayFromImage(image)), [0, 1 / 3], atol=1e-6)


def test_real_readers_of_six_nodules(real_data, tmp_path, value_of):
    """Pairwise Dice of the four readers is 0.60 to 0.95, and that of one pair is what plain numpy gives."""
    folder = real_data / "readers_lidc"
    (tmp_path / "nodules.yaml").write_text(YAML.format(root=folder))
    study = study_readers(load_dataset(tmp_path / "nodules.yaml"), jobs=1)
    dice = study.pairs[study.pairs["metric"] == "dice"]
    assert len(dice) == 6 * 6
    assert (round(dice["value"].min(), 2), round(dice["value"].max(), 2)) == (0.60, 0.95)
    case = study.cases[0]
    one, other = (
        SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / f"{case}_{reader}.nii.gz"))) > 0
        for reader in ("reader1", "reader3")
    )
    expected = 2 * (one & other).sum() / (one.sum() + other.sum())
    assert value_of(dice, case=case, reader="reader1", other="reader3") == pytest.approx(expected, rel=1e-12)
