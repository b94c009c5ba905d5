import csv
import io
import json

import numpy as np
import SimpleITK

from ctbench.volume import read_volume


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
    arguments = ("--dataset", blobs_folder / "blobs.yaml", "--method", "plurality", "--out", tmp_path / "fused")
    result = ctbench("consensus", *arguments, "--csv")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert {row["case"] for row in rows} == {"b", "c", "d"}
    assert (tmp_path / "fused" / "d_labels.nii.gz").is_file()
