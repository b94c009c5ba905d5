import pandas as pd

from ctbench.report.drawings.reliability_charts import reliability_chart


def test_a_line_with_a_band_and_the_diagonal():
    """Names are data; both axes span 0 to 1, and the band goes from the lowest to the highest reader."""
    table = pd.DataFrame(
        {
            "label": "iph",
            "rater": ["mine", "mine"],
            "bin": [1, 5],
            "forecast": [0.1, 0.45],
            "observed": [0.0, 0.5],
            "lowest": [0.0, 0.4],
            "highest": [0.1, 0.6],
            "voxels": [1000, 20],
        }
    )
    drawn = reliability_chart(table, {"mine": "#0072b2", "reader1": "#8c959f"}).to_dict()
    marks = [layer["mark"]["type"] for layer in drawn["layer"]]
    assert marks == ["line", "area", "line", "point"]
    band = drawn["layer"][1]["encoding"]
    assert (band["y"]["field"], band["y2"]["field"]) == ("lowest", "highest")
    assert all(layer["encoding"]["color"]["scale"]["domain"] == ["mine"] for layer in drawn["layer"][1:])
    assert drawn["layer"][2]["encoding"]["x"]["scale"]["domain"] == [0, 1]
