import csv
import io
import json

import numpy as np
import SimpleITK

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
