import numpy as np
import pandas as pd

from ctbench.report.drawings.detection_charts import roc_chart

CURVES = pd.DataFrame(
    {
        "rater": ["b", "b", "a", "a"],
        "by": "by its score",
        "step": [0, 1, 0, 1],
        "threshold": [np.inf, 0.5, np.inf, 0.25],
        "false_positive_rate": [0.0, 1.0, 0.0, 1.0],
        "sensitivity": [0.0, 1.0, 0.5, 1.0],
    }
)


def test_raters_have_the_colours_of_the_palette():
    """In the palette's order; who has no curve is not in the legend."""
    drawn = roc_chart(CURVES, {"a": "#111111", "c": "#333333", "b": "#222222"}).to_dict()
    scale = drawn["layer"][1]["encoding"]["color"]["scale"]
    assert (scale["domain"], scale["range"]) == (["a", "b"], ["#111111", "#222222"])


def test_an_endless_threshold_is_null():
    """JSON knows no infinity: the first point of each curve has no threshold."""
    rows = [row for some in roc_chart(CURVES, {"a": "#1", "b": "#2"}).to_dict()["datasets"].values() for row in some]
    assert [row["threshold"] for row in rows if "step" in row] == [None, 0.5, None, 0.25]


def test_chance_is_the_diagonal():
    """Axes go from 0 to 1 and the dashed line joins their corners."""
    drawn = roc_chart(CURVES, {"a": "#1", "b": "#2"}).to_dict()
    assert {"x": 0.0} in [row for some in drawn["datasets"].values() for row in some]
    assert drawn["layer"][0]["encoding"]["x"]["field"] == drawn["layer"][0]["encoding"]["y"]["field"] == "x"
    for axis in ("x", "y"):
        assert drawn["layer"][1]["encoding"][axis]["scale"]["domain"] == [0, 1]
