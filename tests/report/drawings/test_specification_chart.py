import pandas as pd

from ctbench.report.drawings.specification_chart import specification_chart


def test_only_choices_with_options_have_a_panel():
    """One panel of bars, one for each choice that was made in more than one way; bars point to the better rater."""
    points = pd.DataFrame(
        {"metric": ["dice", "nsd"], "reference": ["majority", "majority"], "difference": [-0.2, 0.1]}
        | {"place": [1, 2], "better": ["b", "a"]}
    )
    drawn = specification_chart(points, ("metric", "reference"), "a", "b", {"a": "#009e73"}).to_dict()
    bars, metric = drawn["vconcat"]
    assert metric["encoding"]["y"]["title"] == "Metric"
    assert metric["encoding"]["y"]["sort"] == ["Dice", "NSD"]
    heights = [row["height"] for row in drawn["datasets"][bars["data"]["name"]]]
    assert heights == [-1.0, 0.5]
    assert bars["encoding"]["color"]["scale"]["range"][0] == "#009e73"


def test_many_combinations_share_the_width_of_the_page():
    """Columns get narrower with their number; names of options have a width of their own, which titles leave free."""
    points = pd.DataFrame({"metric": ["dice", "volume_difference_absolute_ml"] * 150, "difference": range(300)})
    points = points.assign(place=range(1, 301), better="a")
    drawn = specification_chart(points, ("metric",), "a", "b", {"a": "#009e73"}).to_dict()
    bars, metric = drawn["vconcat"]
    axis = metric["encoding"]["y"]["axis"]
    assert bars["width"] == metric["width"] < 300 * 16
    assert bars["width"] + axis["minExtent"] + 100 <= 1013, "wider than the page at 1280 px"
    assert -axis["titleX"] > axis["labelLimit"]
