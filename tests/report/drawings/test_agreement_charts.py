import pandas as pd

from ctbench.report.drawings.agreement_charts import estimate_chart


def test_structures_keep_the_order_of_the_table():
    """A line for each structure, from the top down as the rows stand, and the chart grows with their number."""
    table = pd.DataFrame({"label": ["b", "a", "c"], "value": 0.5, "low": 0.4, "high": 0.6, "n": 9})
    drawn, one = (estimate_chart(rows, "ICC").to_dict() for rows in (table, table.head(1)))
    assert [layer["encoding"]["y"]["sort"] for layer in drawn["layer"]] == [["b", "a", "c"]] * 2
    assert drawn["height"] - one["height"] == 2 * 24


def test_interval_and_estimate_share_their_axis():
    """Both layers have the title, and the rule runs from the low to the high end."""
    table = pd.DataFrame({"label": ["a"], "value": [0.5], "low": [0.4], "high": [0.6], "n": [9]})
    rule, point = estimate_chart(table, "ICC(2,1)").to_dict()["layer"]
    assert rule["encoding"]["x"]["title"] == point["encoding"]["x"]["title"] == "ICC(2,1)"
    assert (rule["encoding"]["x"]["field"], rule["encoding"]["x2"]["field"]) == ("low", "high")
    assert point["encoding"]["x"]["field"] == "value"
