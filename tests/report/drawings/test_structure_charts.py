import pandas as pd
import pytest

from ctbench.report.drawings.structure_charts import box_chart, box_height, box_layers, size_chart

PALETTE = {"ann": "#111111", "net": "#222222", "absent": "#333333"}


@pytest.fixture
def boxes():
    """Boxes of two raters and two structures; one of them has two outliers."""
    numbers = {"low": 0.1, "q1": 0.2, "median": 0.3, "q3": 0.4, "high": 0.5, "n": 9, "mark": ""}
    rows = [
        {"label": label, "rater": rater, **numbers, "outliers": [0.9, 0.95] if (label, rater) == ("a", "ann") else []}
        for label in ("a", "b")
        for rater in ("net", "ann")
    ]
    return pd.DataFrame(rows)


def rows_of(drawn):
    """All rows of all data in a chart."""
    return [row for rows in drawn["datasets"].values() for row in rows]


@pytest.mark.parametrize(("structures", "raters", "pixels"), [(1, 1, 23), (11, 4, 11 * 68)])
def test_a_panel_has_room_for_every_box(structures, raters, pixels):
    """Fifteen pixels for each rater and eight between structures."""
    assert box_height(structures, raters) == pixels


def test_raters_stand_in_the_order_of_the_palette(boxes):
    """Colours and places agree, and who has no box has neither."""
    drawn = box_chart(boxes, structures=["b", "a"], palette=PALETTE, metric="dice", unit="1").to_dict()
    encoding = drawn["layer"][0]["encoding"]
    assert encoding["color"]["scale"]["domain"] == encoding["yOffset"]["sort"] == ["ann", "net"]
    assert encoding["color"]["scale"]["range"] == ["#111111", "#222222"]
    assert encoding["y"]["sort"] == ["b", "a"]


def test_each_outlier_is_a_dot(boxes):
    """Without any outlier there is no layer for them."""
    layers = box_layers(boxes, structures=["a", "b"], palette=PALETTE, title="Dice").to_dict()
    assert sorted(row["outliers"] for row in rows_of(layers) if "outliers" in row) == [0.9, 0.95]
    rest = box_layers(boxes[boxes["label"] == "b"], structures=["b"], palette=PALETTE, title="Dice").to_dict()
    assert len(rest["layer"]) == len(layers["layer"]) - 1


def test_sizes_are_on_a_logarithmic_axis():
    """Structures are named at their points; single cases are not."""
    points = pd.DataFrame({"rater": "net", "label": ["a", "b"], "volume_ml": [1.0, 100.0], "value": [0.5, 0.9], "n": 4})
    named = size_chart(points, palette=PALETTE, metric="dice", unit="1").to_dict()
    assert named["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"
    single = size_chart(points.assign(case=["c1", "c2"]), palette=PALETTE, metric="dice", unit="1").to_dict()
    assert "layer" not in single
    assert single["encoding"]["x"]["scale"]["type"] == "log"
