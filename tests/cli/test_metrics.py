import json


def test_metrics_is_a_table_and_json(ctbench):
    """Metrics are listed for people and for programs."""
    assert "dice" in ctbench("metrics").out
    rows = json.loads(ctbench("metrics", "--json").out)
    assert len(rows) >= 2
    assert {"dice", "hd95"} <= {row["metric"] for row in rows}


def test_metrics_states_the_empty_cases(ctbench):
    """The policy of the empty cases can be read from the command line."""
    rows = {row["metric"]: row for row in json.loads(ctbench("metrics", "--json").out)}
    assert (rows["dice"]["both_empty"], rows["dice"]["prediction_empty"]) == ("null", "0.0")
    assert rows["hd95"]["missing"] == "diagonal"
