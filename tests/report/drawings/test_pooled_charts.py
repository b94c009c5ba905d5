"""Box plots, bars and pictures beside each other."""

import numpy as np
import pandas as pd

from ctbench.report.drawings.canvas import inline_svg
from ctbench.report.drawings.pooled_charts import bar_figure, box_row_figure, picture_figure
from ctbench.report.frames.boxplots import box_table


def test_boxes_stand_in_their_order():
    """A box for each rater in the order of the table, and a cross for each outlier."""
    values = [0.8, 0.81, 0.82, 0.83, 0.1]
    scores = pd.DataFrame({"rater": ["b"] * 5 + ["a"] * 5, "value": values + values[:4] + [0.84]})
    chart = box_row_figure(box_table(scores, by=("rater",)), "dice", "1")
    layers = chart.to_dict()["layer"]
    assert layers[1]["encoding"]["x"]["sort"] == ["b", "a"]
    dots = chart.to_dict()["datasets"][layers[3]["data"]["name"]]
    assert [(dot["rater"], dot["outliers"]) for dot in dots] == [("b", 0.1)]


def test_bars_have_lines_of_one_standard_error():
    """From mean - SE to mean + SE."""
    chart = bar_figure(pd.DataFrame({"rater": ["a"], "mean": [0.5], "se": [0.1]}), "dice", "1")
    drawn = chart.to_dict()
    (rows,) = drawn["datasets"].values()
    assert (rows[0]["low"], rows[0]["high"]) == (0.4, 0.6)


def test_pictures_are_in_the_figure_as_data():
    """Nothing is loaded: the figure holds both pictures under their titles."""
    picture = np.zeros((20, 40, 3), np.uint8)
    drawn = inline_svg(picture_figure({"left": picture, "right": picture + 255}), "x", "two pictures")
    assert drawn.count("data:image/png;base64,") == 2
    assert "left" in drawn
    assert "right" in drawn
