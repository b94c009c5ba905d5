def test_shards_are_made_and_merged(ctbench, made):
    """Two array jobs with one --out, and a run that equals the one that was never split."""
    run, dataset = made
    quick = ("--split", "all", "--metric", "dice", "--metric", "hd95", "--trust")
    for number in (1, 2):
        result = ctbench("run", "users_model:Model", *dataset, *quick, "--out", "big", "--shard", f"{number}/2")
        assert result.exit_code == 0, result.err
    assert ctbench("merge", "big.shard-1-of-2", "--out", "big").exit_code == 2
    result = ctbench("merge", "big.shard-2-of-2", "big.shard-1-of-2", "--out", "big", "--json")
    assert result.exit_code == 0, result.err
    assert (run.parent / "big" / "run.json").read_bytes() == (run / "run.json").read_bytes()
    assert (run.parent / "big" / "scores.parquet").read_bytes() == (run / "scores.parquet").read_bytes()
    assert ctbench("run", "users_model:Model", *dataset, "--shard", "3/2").exit_code == 2
