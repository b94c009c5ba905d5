"""Where a model stands after a run."""


def test_a_run_ends_with_the_rank_among_the_runs_that_are_there(ctbench, work, blobs_folder):
    """The second model is ranked with the first one and the readers, and the way to the leaderboard is shown."""
    dataset = ("-d", blobs_folder / "blobs.yaml", "--metric", "dice", "-j", 1, "--trust")
    first = ctbench("run", "users_model:Model", *dataset)
    assert first.exit_code == 0, first.err
    assert "mine: rank 1 of 2 (1 to 2), Dice 1.000" in first.err
    second = ctbench("run", "users_model:Model", *dataset, "-o", "threshold=55", "--out", "other")
    assert second.exit_code == 0, second.err
    assert " of 3" in second.err
    assert "see: ctbench leaderboard runs" in second.err


def test_a_broken_neighbour_is_skipped(ctbench, work, blobs_folder):
    """A folder with a run.json that cannot be read does not stop a run."""
    broken = work / "runs" / "blobs" / "broken"
    broken.mkdir(parents=True)
    (broken / "run.json").write_text("{")
    dataset = ("-d", blobs_folder / "blobs.yaml", "--metric", "dice", "-j", 1, "--trust", "--no-readers")
    result = ctbench("run", "users_model:Model", *dataset)
    assert result.exit_code == 0, result.err
    assert "mine: rank 1 of 1" in result.err


def test_a_run_of_readers_has_no_rank(ctbench, work, blobs_folder):
    """Nothing is said of a model where there is none."""
    result = ctbench("run", "-d", blobs_folder / "blobs.yaml", "--metric", "dice", "-j", 1)
    assert result.exit_code == 0, result.err
    assert "rank" not in result.err
