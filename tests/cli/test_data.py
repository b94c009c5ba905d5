import csv
import io
import json

import numpy as np
import pytest
import SimpleITK

from ctbench.volume import read_volume


def test_datasets_lists_every_entry(ctbench):
    """The phantoms make themselves; a dataset that nobody has here is not here."""
    rows = json.loads(ctbench("datasets", "--json").out)
    here = {row["dataset"]: row["here"] for row in rows}
    assert here["phantom-anatomy"] == here["phantom-hemorrhage"] == "makes itself"
    assert "no" in here.values()
    assert len(rows) > 15


def test_datasets_lists_a_users_catalogue_first(ctbench, blobs_folder):
    """`--catalog` adds the user's own."""
    rows = json.loads(ctbench("datasets", "--catalog", blobs_folder / "blobs.yaml", "--json").out)
    assert (rows[0]["dataset"], rows[0]["here"]) == ("blobs", "yes")


def test_show_counts_cases_by_type_and_size(ctbench, blobs_folder):
    """A box of 3 x 8 x 8 voxels of 0.004 mL is 0.768 mL: small; train and test are counted apart."""
    result = ctbench("datasets", "show", blobs_folder / "blobs.yaml", "--json")
    rows = {(row["by"], row["value"]): row["cases"] for row in json.loads(result.out)}
    assert rows["all", ""] == 4
    assert rows["split", "test"] == 3
    assert rows["iph test", "small"] == 3
    assert rows["iph test", "large"] == 0
    assert "cases by type and size class" in ctbench("datasets", "show", blobs_folder / "blobs.yaml").out


def test_show_tells_how_to_get_what_is_not_here(ctbench):
    """An entry without files is shown with how it is had."""
    result = ctbench("datasets", "show", "instance2022")
    assert result.exit_code == 0
    assert "its files are not here" in result.err
    assert "access" in result.out


def test_check_names_missing_files_and_exits_two(ctbench, blobs_folder):
    """A complete dataset passes; a missing image is named."""
    assert ctbench("datasets", "check", blobs_folder / "blobs.yaml", "--deep").exit_code == 0
    (blobs_folder / "images" / "b.nii.gz").unlink()
    result = ctbench("datasets", "check", blobs_folder / "blobs.yaml", "--json")
    assert result.exit_code == 2
    assert any("b.nii.gz" in row["path"] for row in json.loads(result.out))


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


def test_readers_scores_them(ctbench, blobs_folder, tmp_path):
    """Each reader has a row a structure and metric, on the reference that this reader had no part in."""
    result = ctbench("readers", blobs_folder / "blobs.yaml", "-j", 1, "--json")
    assert result.exit_code == 0
    rows = {(row["rater"], row["label"], row["metric"]): row for row in json.loads(result.out)}
    assert {rater for rater, _, _ in rows} == {"r1", "r2", "r3"}
    # Without r1 the others agree where their boxes, 8 voxels long and 2 apart, overlap; r1 lies over all of that.
    assert rows["r1", "iph", "dice"]["mean"] == 1.0
    assert rows["r2", "iph", "dice"]["mean"] < 1.0
    assert rows["r1", "iph", "dice"]["n"] == 3
    assert (tmp_path / "work" / "runs" / "blobs" / "readers" / "run.json").is_file()


@pytest.mark.parametrize("command", ["predictors", "metrics"])
def test_lists_are_tables_and_json(ctbench, command):
    """Predictors and metrics are listed for people and for programs."""
    assert "threshold" in ctbench("predictors").out
    rows = json.loads(ctbench(command, "--json").out)
    assert len(rows) >= 2
    assert {"threshold", "dice"} & {row.get("predictor", row.get("metric")) for row in rows}


def test_metrics_states_the_empty_cases(ctbench):
    """The policy of the empty cases can be read from the command line."""
    rows = {row["metric"]: row for row in json.loads(ctbench("metrics", "--json").out)}
    assert (rows["dice"]["both_empty"], rows["dice"]["prediction_empty"]) == ("null", "0.0")
    assert rows["hd95"]["missing"] == "diagonal"
