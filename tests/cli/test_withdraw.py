import json


def test_a_withdrawn_run_cannot_be_submitted_again(ctbench, made):
    """Its files go, and the message of the next submission says why."""
    run, dataset = made
    (row,) = json.loads(ctbench("submit", run, "--to", "board", *dataset, "--json").out)
    result = ctbench("withdraw", row["run"], "--from", "board", "--reason", "wrong")
    assert result.exit_code == 0
    assert f"withdrawn: {row['run']}" in result.err
    assert not (run.parent / "board" / "runs" / row["run"]).exists()
    again = ctbench("submit", run, "--to", "board", *dataset)
    assert again.exit_code != 0
    assert "was withdrawn" in again.err
