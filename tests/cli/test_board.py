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


def test_the_owner_verifies_and_accepts(ctbench, made):
    """The copy of a reader is flagged; the record names what was found, and cannot lie in the board."""
    run, dataset = made
    (row,) = json.loads(ctbench("submit", run, "--to", "board", *dataset, "--json").out)
    inside = ctbench("board", "verify", "board", "--record", "board/record.json", *dataset)
    assert (inside.exit_code, "keep the record outside of it" in inside.err) == (2, True)
    result = ctbench("board", "verify", "board", "--record", "record.json", *dataset, "--json")
    assert result.exit_code == 1
    (found,) = json.loads(result.out)
    assert (found["run"], found["result"]) == (row["run"], "flagged")
    assert "that of reader r1" in found["reason"]
    result = ctbench("board", "verify", "board", "--record", "record.json", *dataset, "--accept", row["run"])
    assert result.exit_code == 0
    assert "1 of 1 runs are verified" in result.err
    assert json.loads((run.parent / "record.json").read_text())["runs"][row["run"]]["accepted"]


def test_runs_and_boards_are_exported_with_a_dictionary(ctbench, made):
    """A folder of a run and a board have the same scores; an existing folder of tables is refused."""
    run, dataset = made
    assert ctbench("submit", run, "--to", "board", *dataset).exit_code == 0
    assert ctbench("board", "export", "board", "--out", "of-board", "--format", "csv").exit_code == 0
    result = ctbench("board", "export", run, "--out", "of-run")
    assert result.exit_code == 0
    assert "1 runs: of-run/columns.csv, of-run/runs.csv" in result.err
    folder = run.parent
    assert (folder / "of-board" / "scores.csv").read_bytes() == (folder / "of-run" / "scores.csv").read_bytes()
    assert ctbench("board", "export", run, "--out", "of-run").exit_code == 2
