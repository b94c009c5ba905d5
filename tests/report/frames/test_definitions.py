from ctbench.consensus import METHODS
from ctbench.metrics import METRICS
from ctbench.report.frames.definitions import consensus_rules, metric_definitions


def test_every_metric_and_rule_is_defined():
    """None is left out, and a choice keeps the order of the list."""
    assert metric_definitions()["metric"].tolist() == list(METRICS)
    assert metric_definitions(["hd95", "dice"])["metric"].tolist() == ["dice", "hd95"]
    assert set(consensus_rules()["rule"]) == set(METHODS)


def test_what_an_empty_structure_gives_is_said():
    """As the design's table has it."""
    rows = metric_definitions().set_index("metric")
    empty = ["both_empty", "prediction_empty", "reference_empty", "missing"]
    assert rows.loc["dice", empty].tolist() == ["undefined", "0", "0", "0"]
    assert rows.loc["hd95", empty].tolist() == ["undefined", "diagonal", "diagonal", "diagonal"]
    assert rows.loc["volume_ml", empty].tolist() == ["formula", "formula", "formula", "undefined"]
    assert (rows["source"] != "").all()
