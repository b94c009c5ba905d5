"""`ctbench multiverse` as a person calls it."""

import json


def test_pairs_ranks_and_figures(ctbench, made, work):
    """A pair a line, the better first; JSON has both orders; the figure is written; what was not scored is told."""
    run, options = made
    ctbench("run", "readers", *options, "--split", "all", "--out", "readers", "--metric", "dice", "--metric", "hd95")
    runs = (run, work / "readers")
    result = ctbench("multiverse", *runs, "--json", "--figures", "figures")
    assert result.exit_code == 0, result.err
    shares = {(row["first"], row["second"]): row["share"] for row in json.loads(result.out)}
    assert set(shares) == {("all readers", "mine"), ("mine", "all readers")}
    assert shares["all readers", "mine"] + shares["mine", "all readers"] == 1
    assert {path.suffix for path in (work / "figures").iterdir()} == {".svg", ".pdf"}
    ranks = json.loads(ctbench("multiverse", *runs, "--ranks", "--metric", "dice", "--json").out)
    assert {row["metric"] for row in ranks} == {"dice"}
    result = ctbench("multiverse", *runs, "--metric", "assd")
    assert result.exit_code == 2
    assert "assd cannot be ranked" in result.err
