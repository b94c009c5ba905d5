"""`ctbench lesions`."""

import json


def test_tables_of_runs(ctbench, work, blobs_folder):
    """Three tables, with models and readers in each; another protocol on request; an unknown one is refused."""
    asked = ("-d", blobs_folder / "blobs.yaml", "--split", "all", "--metric", "dice", "-j", 1)
    assert ctbench("run", "users_model:Model", *asked, "--trust").exit_code == 0
    folder = work / "runs" / "blobs"
    (model,) = (path for path in folder.iterdir() if path.name != "readers")
    own = ("-d", blobs_folder / "blobs.yaml")
    pooled = ctbench("lesions", model, folder / "readers", *own, "--json")
    assert pooled.exit_code == 0, pooled.err
    rows = json.loads(pooled.out)
    assert {row["rater_kind"] for row in rows} == {"model", "reader"}
    assert rows[0]["size_class"] == "all"
    assert "clustered by patient" in pooled.err
    cases = json.loads(ctbench("lesions", model, *own, "--table", "cases", "--protocol", "pq", "--json").out)
    assert {row["protocol"] for row in cases} == {"pq"}
    listed = json.loads(ctbench("lesions", model, *own, "--table", "lesions", "--json").out)
    assert {"outcome", "slice", "nearest_mm", "volume_ml"} <= listed[0].keys()
    wrong = ctbench("lesions", model, *own, "--protocol", "brats")
    assert wrong.exit_code == 2
    assert "unknown lesion protocol 'brats'" in wrong.err


def test_froc_of_a_run_with_probabilities(ctbench, probability_run, blobs_folder):
    """Eight rows of the model; a protocol without false pieces is refused in one sentence."""
    asked = ("lesions", probability_run.folder, "-d", blobs_folder / "blobs.yaml", "--froc", "--json")
    rows = [row for row in json.loads(ctbench(*asked).out) if row["reference"] == "majority"]
    assert [row["false_per_case"] for row in rows] == ["0.125", "0.25", "0.5", "1", "2", "4", "8", "mean"]
    refused = ctbench(*asked, "--protocol", "cc")
    assert refused.exit_code == 2
    assert "no model has marks with confidences" in refused.err


def test_average_precision_of_a_run_with_probabilities(ctbench, probability_run, blobs_folder):
    """One row a reference, PI-CAI's under its protocol; one table at a time."""
    asked = ("lesions", probability_run.folder, "-d", blobs_folder / "blobs.yaml", "--average-precision")
    rows = json.loads(ctbench(*asked, "--protocol", "picai", "--json").out)
    assert {row["protocol"] for row in rows} == {"picai"}
    assert all(0 <= row["low"] <= row["average_precision"] <= row["high"] <= 1 for row in rows)
    refused = ctbench(*asked, "--froc")
    assert refused.exit_code == 2
    assert "choose one" in refused.err
