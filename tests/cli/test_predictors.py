import json


def test_predictors_is_a_table_and_json(ctbench):
    """Predictors are listed for people and for programs."""
    assert "threshold" in ctbench("predictors").out
    rows = json.loads(ctbench("predictors", "--json").out)
    assert len(rows) >= 2
    assert "threshold" in {row["predictor"] for row in rows}
