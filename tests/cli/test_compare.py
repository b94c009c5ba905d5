import json


def test_a_drop_ends_with_one(ctbench, made):
    """`compare` is what a pull request is held to: equal runs pass, a worse one does not."""
    run, dataset = made
    assert ctbench("compare", run, run, "--fail-if", "dice:-0.005").exit_code == 0
    worse = ("users_model:Model", "--option", "threshold=100", "--split", "all", "--metric", "dice", "--trust")
    assert ctbench("run", *worse, *dataset, "--out", "worse").exit_code == 0
    result = ctbench("compare", run, "worse", "--fail-if", "dice:-0.005", "--json")
    assert result.exit_code == 1
    rows = json.loads(result.out)
    assert [(row["metric"], row["label"]) for row in rows] == [("dice", "hemorrhage"), ("misses", "hemorrhage")]
    assert rows[0]["second"] == 0
    assert "ctbench: dice of hemorrhage went from" in result.err
    assert ctbench("compare", run, "worse", "--fail-if", "dice").exit_code == 2
