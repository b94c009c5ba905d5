import json


def test_predictors_is_a_table_and_json(ctbench):
    """Predictors are listed for people and for programs, without opening one."""
    assert "threshold" in ctbench("predictors").out
    rows = json.loads(ctbench("predictors", "--json").out)
    assert len(rows) >= 2
    assert "threshold" in {row["predictor"] for row in rows}
    assert all(row["package"] and ":" in row["from"] for row in rows)


def test_the_list_imports_no_predictor(ctbench, monkeypatch):
    """It must answer at once, whatever a plugin imports."""

    def refuse(*_given, **_more):
        raise AssertionError

    monkeypatch.setattr("ctbench.predictors.open_predictor", refuse)
    assert ctbench("predictors").exit_code == 0


def test_one_predictor_shows_its_card(ctbench):
    """Version and structures; a misspelt name is answered with the nearest."""
    shown = ctbench("predictors", "threshold").out
    assert "hemorrhage" in shown
    assert "version" in shown
    (row,) = json.loads(ctbench("predictors", "threshold", "--json").out)
    assert row["structures"] == "hemorrhage"
    refused = ctbench("predictors", "treshold")
    assert refused.exit_code == 2
    assert "did you mean 'threshold'" in refused.err
