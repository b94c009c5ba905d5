import json


def test_rebuilding_names_the_runs_that_were_changed(ctbench, made):
    """A board that holds ends with 0, one with an edited run with 1 and the reason."""
    run, dataset = made
    (row,) = json.loads(ctbench("submit", run, "--to", "board", *dataset, "--json").out)
    result = ctbench("board", "rebuild", "board")
    assert (result.exit_code, result.out) == (0, "")
    assert "has 1 runs, of which 0 cannot be shown" in result.err
    with (run.parent / "board" / "runs" / row["run"] / "scores.parquet").open("ab") as file:
        file.write(b"edited")
    result = ctbench("board", "rebuild", "board", "--json")
    assert result.exit_code == 1
    assert json.loads(result.out)[0]["problem"].startswith("scores.parquet of run")
