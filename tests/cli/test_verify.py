import json

from ctbench.runs.folder import RunFolder
from ctbench.volume import read_volume, write_volume


def test_a_run_that_holds_ends_with_zero(ctbench, made):
    """A sentence for people, an empty list for programs."""
    run, dataset = made
    result = ctbench("verify", run, *dataset)
    assert (result.exit_code, result.out) == (0, "")
    assert result.err.splitlines()[-1] == f"ctbench: {run} is verified"
    assert json.loads(ctbench("verify", run, *dataset, "--json").out) == []
    assert ctbench("verify", run, *dataset, "--repredict", "users_model:Model", "--trust").exit_code == 0


def test_a_number_that_moved_ends_with_one(ctbench, made):
    """The table has what was expected and what was found."""
    run, dataset = made
    path = RunFolder(run).prediction("a")
    volume = read_volume(path)
    write_volume(volume.with_array(volume.array[:, ::-1]), path)
    result = ctbench("verify", run, *dataset, "--json")
    assert result.exit_code == 1
    rows = json.loads(result.out)
    assert {row["what"] for row in rows} == {"predictions_digest", "value"}
    assert {row["case"] for row in rows} == {"", "a"}
    assert "values changed in" in result.err
    assert "predictions_digest" in ctbench("verify", run, *dataset).out
    assert ctbench("verify", run, *dataset, "--csv").out.startswith("what,case,rater,")


def test_a_run_with_a_tolerance_of_its_own_is_verified_by_it(ctbench, made, work):
    """It says so; a board takes the dataset's tolerance, and a report never mixes the two."""
    first, dataset = made
    quick = ("--metric", "dice", "--metric", "nsd", "--split", "all", "--trust")
    result = ctbench("run", "users_model:Model", *dataset, *quick, "--out", "wide", "--tolerance", "iph=9")
    assert result.exit_code == 0, result.err
    run = work / "wide"
    rules = json.loads((run / "run.json").read_text())["tolerance_mm"]
    assert rules["iph"] == 9.0
    assert set(rules.values()) == {1.0, 9.0}
    verified = ctbench("verify", run, *dataset)
    assert verified.exit_code == 0, verified.err
    assert "was scored with a tolerance of {" in verified.err
    assert "boards do not accept it" in verified.err
    assert "with a tolerance" not in ctbench("verify", first, *dataset).err
    refused = ctbench("submit", run, "--to", "board", *dataset, "--json")
    assert refused.exit_code == 1
    assert "tolerance_mm" in {row["what"] for row in json.loads(refused.out)}
    assert "they differ in tolerance_mm" in ctbench("compare", first, run).err
