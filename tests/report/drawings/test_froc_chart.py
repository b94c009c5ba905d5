"""FROC curves."""

import pandas as pd

from ctbench.report.drawings.canvas import inline_svg
from ctbench.report.drawings.froc_chart import froc_chart

PALETTE = {"m": "#0072b2", "reader1": "#8c959f"}


def _curves(*protocols):
    rows = [
        ("m", protocol, rate, value, value - 0.1, value + 0.1)
        for protocol in protocols
        for rate, value in ((0.125, 0.3), (1.0, 0.5), (8.0, 0.8))
    ]
    return pd.DataFrame(rows, columns=["rater", "protocol", "false_per_case", "sensitivity", "low", "high"])


def test_pieces_and_boxes_of_a_model_differ_in_their_dashes():
    """One colour; a band and a stepped line for each kind of mark."""
    none = pd.DataFrame(columns=["rater", "false_per_case", "sensitivity"])
    chart = froc_chart(_curves("any", "box-centre"), none, PALETTE)
    drawn = chart.to_dict()
    assert [layer["mark"]["type"] for layer in drawn["layer"]] == ["area", "line"]
    assert {layer["mark"]["interpolate"] for layer in drawn["layer"]} == {"step-after"}
    assert drawn["layer"][1]["encoding"]["strokeDash"]["scale"]["domain"] == ["pieces", "boxes"]
    assert "<svg" in inline_svg(chart, "a", "b")


def test_a_reader_outside_the_axis_stands_at_its_edge():
    """Readers without a false mark are drawn at 1/8, with their own rate in the tooltip."""
    readers = pd.DataFrame({"rater": ["reader1"], "false_per_case": [0.0], "sensitivity": [0.9]})
    drawn = froc_chart(_curves("any"), readers, PALETTE).to_dict()
    (row,) = next(rows for rows in drawn["datasets"].values() if rows[0]["rater"] == "reader1")
    assert (row["at"], row["false_per_case"]) == (0.125, 0.0)
    assert drawn["layer"][2]["mark"]["type"] == "point"
