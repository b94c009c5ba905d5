import json


def test_a_lock_is_written_and_held(ctbench, made):
    """Committed once, it fails the build that gives other numbers."""
    run, dataset = made
    result = ctbench("lock", run, "--json")
    assert result.exit_code == 0
    assert {row["metric"] for row in json.loads(result.out)} == {"dice", "hd95"}
    file = run.parent / "ctbench.lock"
    assert ctbench("verify", run, *dataset, "--lock", file).exit_code == 0
    file.write_text(file.read_text().replace("n: 4", "n: 5"))
    result = ctbench("verify", run, *dataset, "--lock", file, "--json")
    assert result.exit_code == 1
    assert [row["what"] for row in json.loads(result.out)] == ["n", "n"]
    assert ctbench("verify", run, *dataset, "--lock", "absent.lock").exit_code == 2
