import csv
import io
import json

import numpy as np
import pytest
import SimpleITK

from ctbench.annotations import read_annotation
from ctbench.annotations.slicer import write_slicer
from ctbench.labels import LabelSet
from ctbench.volume import read_volume, write_volume


def test_consensus_of_files_writes_three_volumes(ctbench, blobs_folder, tmp_path):
    """Labels, voxels that do not count, and the share of the votes, on the readers' grid."""
    masks = [blobs_folder / "readers" / reader / "a.nii.gz" for reader in ("r1", "r2", "r3")]
    result = ctbench("consensus", *masks, "--out", tmp_path / "fused", "--json")
    assert result.exit_code == 0
    overall = json.loads(result.out)[-1]
    assert overall["label"] == "overall"
    labels = read_volume(tmp_path / "fused" / "consensus_labels.nii.gz")
    np.testing.assert_array_equal(labels.array, read_volume(masks[0]).array)  # r1 lies in the middle of the others
    share = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "fused" / "consensus_vote_share.nii.gz")))
    np.testing.assert_allclose(np.unique(share), [2 / 3, 1.0], rtol=1e-6)
    assert read_volume(tmp_path / "fused" / "consensus_excluded.nii.gz").array.sum() == 0


def test_consensus_of_a_dataset_goes_case_by_case(ctbench, blobs_folder, tmp_path):
    """All cases of the test split, with another rule."""
    arguments = ("--dataset", blobs_folder / "blobs.yaml", "--consensus", "plurality", "--out", tmp_path / "fused")
    result = ctbench("consensus", *arguments, "--csv")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert {row["case"] for row in rows} == {"b", "c", "d"}
    assert (tmp_path / "fused" / "d_labels.nii.gz").is_file()


def test_the_earlier_name_of_the_rule_still_works(ctbench, blobs_folder, tmp_path):
    """`--consensus` and the hidden `--method` write the same references; `--help` shows the first only."""
    masks = [tmp_path / f"{reader}.nii.gz" for reader in ("r1", "r2", "r3")]
    for path in masks:
        drawn = read_volume(blobs_folder / "readers" / path.name.split(".")[0] / "a.nii.gz")
        write_volume(drawn.with_array((drawn.array > 0).astype(np.uint8)), path)
    written = []
    for option in ("--consensus", "--method"):
        out = tmp_path / option.strip("-")
        assert ctbench("consensus", *masks, option, "union", "--out", out).exit_code == 0
        written.append(read_volume(out / "consensus_labels.nii.gz").array)
    np.testing.assert_array_equal(*written)
    majority = read_volume(masks[0]).array  # r1 lies in the middle of the others
    assert (written[0] > 0).sum() > (majority > 0).sum()
    shown = ctbench("consensus", "--help").out
    assert "--consensus" in shown
    assert "--method" not in shown


def test_one_mask_twice_is_refused(ctbench, blobs_folder, tmp_path):
    """By its name, also under another spelling of its path: a reader has one vote."""
    mask = blobs_folder / "readers" / "r1" / "a.nii.gz"
    (tmp_path / "link.nii.gz").symlink_to(mask)
    for again in (mask, mask.parent / ".." / "r1" / "a.nii.gz", tmp_path / "link.nii.gz"):
        result = ctbench("consensus", mask, again, "--out", tmp_path / "fused")
        assert result.exit_code == 2
        assert f"{again} is named twice; name the mask of each reader once" in result.err
    assert not (tmp_path / "fused").exists()


def test_a_negative_code_names_its_file(ctbench, blobs_folder, tmp_path):
    """In a command without a label set, too."""
    mask = blobs_folder / "readers" / "r1" / "a.nii.gz"
    drawn = read_volume(mask)
    write_volume(drawn.with_array(drawn.array.astype(np.int16) - 1), tmp_path / "minus.nii.gz")
    for command in (("consensus", mask, tmp_path / "minus.nii.gz"), ("score", mask, tmp_path / "minus.nii.gz")):
        result = ctbench(*command)
        assert result.exit_code == 2
        assert "minus.nii.gz holds the negative code -1" in result.err


@pytest.fixture
def segmentations(blobs, tmp_path, write_ct):
    """The readers of case a as files of 3D Slicer, the third with segments in another order, and a CT of the case."""
    case = blobs["a"]
    write_ct(case.image(), tmp_path / "ct")
    orders = {"r1": ("iph", "ivh"), "r2": ("iph", "ivh"), "r3": ("ivh", "iph")}
    for reader, names in orders.items():
        codes = {case.labels[name]: number for number, name in enumerate(names, start=1)}
        drawn = case.reader(reader)
        numbered = sum((drawn.array == code) * number for code, number in codes.items()).astype(np.uint8)
        labels = LabelSet({name: number for number, name in enumerate(names, start=1)})
        write_slicer(drawn.with_array(numbered), labels, tmp_path / f"{reader}.seg.nrrd")
    return [tmp_path / f"{reader}.seg.nrrd" for reader in orders]


@pytest.mark.parametrize(("form", "suffix"), [("seg.nrrd", "seg.nrrd"), ("dicom-seg", "dcm")])
def test_named_segments_are_fused_by_name_and_written_with_names(ctbench, blobs, segmentations, tmp_path, form, suffix):
    """The order of the segments does not matter, and the reference can be opened in a viewer."""
    arguments = ("--image", tmp_path / "ct", "--format", form, "--out", tmp_path / "fused", "--json")
    result = ctbench("consensus", *segmentations, *arguments)
    assert result.exit_code == 0, result.err
    assert [row["label"] for row in json.loads(result.out)] == ["iph", "ivh", "overall"]
    case = blobs["a"]
    read = read_annotation(
        tmp_path / f"fused/consensus_labels.{suffix}", labels=case.labels, image=case.image().geometry
    )
    np.testing.assert_array_equal(read.array, case.reader("r1").array)  # r1 lies in the middle of the others
    assert not (tmp_path / "fused" / "consensus_labels.nii.gz").exists()


def test_dicom_seg_of_a_nifti_image_is_refused(ctbench, blobs_folder, segmentations, tmp_path):
    """There are no slices to refer to: neither without an image, nor in the data set's own NIfTI files."""
    result = ctbench("consensus", *segmentations, "--format", "dicom-seg", "--out", tmp_path / "fused")
    assert result.exit_code == 2
    assert "name the folder of its DICOM series with --image" in result.err
    arguments = ("--dataset", blobs_folder / "blobs.yaml", "--format", "dicom-seg", "--out", tmp_path / "fused")
    result = ctbench("consensus", *arguments)
    assert result.exit_code == 2
    assert "b.nii.gz is no folder; choose another format" in result.err


def test_an_image_belongs_to_the_masks_of_one_case(ctbench, blobs_folder, tmp_path):
    """The images of a dataset stand in its YAML."""
    result = ctbench("consensus", "--dataset", blobs_folder / "blobs.yaml", "--image", tmp_path)
    assert result.exit_code == 2
    assert "--image belongs to the masks of one case" in result.err
