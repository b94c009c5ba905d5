import pandas as pd

from ctbench.report.drawings.specification_chart import specification_chart


def test_only_choices_with_options_have_a_panel():
    """One panel of bars, one for each choice that was made in more than one way; bars point to the better rater."""
    points = pd.DataFrame(
        {"metric": ["dice", "nsd"], "reference": ["majority", "majority"], "difference": [-0.2, 0.1]}
        | {"place": [1, 2], "better": ["b", "a"]}
    )
    drawn = specification_chart(points, ("metric", "reference"), "a", "b").to_dict()
    bars, metric = drawn["vconcat"]
    assert metric["encoding"]["y"]["title"] == "metric"
    heights = [row["height"] for row in drawn["datasets"][bars["data"]["name"]]]
    assert heights == [-1.0, 0.5]
