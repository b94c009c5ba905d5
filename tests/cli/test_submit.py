import json

from ctbench.runs.folder import RunFolder


def test_a_verified_run_is_submitted_and_withdrawn(ctbench, made):
    """A run whose numbers moved is not; one that is there already changes nothing."""
    run, dataset = made
    result = ctbench("submit", run, "--to", "board", *dataset, "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.out)
    assert row["result"] == "added"
    assert json.loads(ctbench("submit", run, "--to", "board", *dataset, "--json").out)[0]["result"] == "there already"
    assert ctbench("withdraw", row["run"], "--from", "board", "--reason", "wrong").exit_code == 0
    assert "was withdrawn" in ctbench("submit", run, "--to", "board", *dataset).err
    RunFolder(run).prediction("a").write_bytes(RunFolder(run).prediction("b").read_bytes())
    result = ctbench("submit", run, "--to", "other", *dataset)
    assert result.exit_code == 1
    assert "was not submitted" in result.err
    assert not (run.parent / "other").exists()
