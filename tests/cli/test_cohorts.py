"""`ctbench cohorts`: one model on two splits, and what is refused."""

import json

import pytest


@pytest.fixture
def two_splits(ctbench, work, blobs_folder):
    """Runs of one model on the test split (three cases) and the train split (one case), and their catalog."""
    catalog = blobs_folder / "blobs.yaml"
    for split in ("test", "train"):
        quick = ("--split", split, "--out", split, "--metric", "dice", "-j", 1, "--trust")
        result = ctbench("run", "users_model:Model", "-d", catalog, *quick)
        assert result.exit_code == 0, result.err
    return work / "test", work / "train", ("--catalog", catalog)


def test_two_splits_are_compared(ctbench, two_splits, work):
    """The second split's row has the difference from the first; one case has no P, with the reason; figures too."""
    first, second, catalog = two_splits
    result = ctbench("cohorts", first, second, *catalog, "--figures", "boxes", "--json")
    assert result.exit_code == 0, result.err
    rows = {row["cohort"]: row for row in json.loads(result.out) if row["label"] == "overall"}
    assert set(rows) == {"blobs, test", "blobs, train"}
    assert (rows["blobs, test"]["n"], rows["blobs, train"]["n"]) == (3, 1)
    means = [rows[name]["mean"] for name in ("blobs, train", "blobs, test")]
    assert rows["blobs, train"]["difference"] == pytest.approx(means[0] - means[1])
    assert rows["blobs, train"]["p"] is None
    assert rows["blobs, train"]["reason"] == "fewer than two patients in a cohort"
    assert (work / "boxes" / "cohorts-mine-dice.svg").is_file()
    result = ctbench("cohorts", first, *catalog)
    assert result.exit_code == 2
    assert "expected two cohorts or more, got blobs" in result.err
    result = ctbench("cohorts", first, second, *catalog, "--baseline", "tset")
    assert result.exit_code == 2
    assert "unknown cohort 'tset'; expected one of blobs, test; blobs, train" in result.err
