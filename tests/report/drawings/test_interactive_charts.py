"""Charts that can be pointed at: what they hold, and that anybody's names are data in them."""

import numpy as np
import pandas as pd
import pytest

from ctbench.agreement import study_readers
from ctbench.report.drawings.agreement_charts import estimate_chart
from ctbench.report.drawings.case_charts import slice_chart
from ctbench.report.drawings.detection_charts import roc_chart
from ctbench.report.drawings.heatmaps import heat_chart
from ctbench.report.drawings.structure_charts import box_chart, size_chart
from ctbench.report.frames.agreement import agreement_matrix, indeterminate_shares, statistic_title
from ctbench.report.frames.boxplots import box_table
from ctbench.report.frames.roc import roc_table
from ctbench.report.frames.sizes import size_points
from ctbench.statistics import size_correlation

HOSTILE = "datum.x'];alert(1)//<b>"


def _data(chart):
    """All rows of all data in a chart."""
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def _dice(scores):
    return scores[(scores["reference"] == "majority") & scores["metric"].isin(["dice", "reference_volume_ml"])]


def test_box_chart_holds_its_boxes(scores):
    """Every box is there with its median, every dot beyond the whiskers, and a hostile name only as a value."""
    dice = scores[(scores["metric"] == "dice") & (scores["reference"] == "majority")].replace("unet", HOSTILE)
    boxes = box_table(dice).assign(mark="*")
    palette = dict.fromkeys(dice["rater"].unique(), "#000000")
    chart = box_chart(boxes, structures=["caudate", "ventricles"], palette=palette, metric="dice", unit="1")
    rows = _data(chart)
    medians = {(row["label"], row["rater"]): row["median"] for row in rows if "median" in row}
    assert len(medians) == len(boxes)
    own = boxes[(boxes["label"] == "caudate") & (boxes["rater"] == HOSTILE)].iloc[0]
    assert medians["caudate", HOSTILE] == pytest.approx(own["median"])
    assert sum("outliers" in row for row in rows) == boxes["outliers"].map(len).sum()
    assert all(HOSTILE not in str(layer.get("transform", "")) for layer in chart.to_dict()["layer"])


def test_size_points_are_means(scores):
    """Of each structure stands the mean Dice over the mean volume; of cases, each for itself."""
    chosen = _dice(scores)
    points = size_points(chosen).set_index(["rater", "label"])
    own = chosen[(chosen["rater"] == "unet") & (chosen["label"] == "caudate")].pivot_table(
        index="case", columns="metric", values="value"
    )
    assert points.loc[("unet", "caudate"), "value"] == pytest.approx(own["dice"].mean())
    assert points.loc[("unet", "caudate"), "volume_ml"] == pytest.approx(own["reference_volume_ml"].mean())
    by_case = size_points(chosen[chosen["label"] == "caudate"], "cases")
    expected = size_correlation(chosen[chosen["label"] == "caudate"], across="cases").set_index("rater")["pearson_r"]
    found = by_case.groupby("rater")[["volume_ml", "value"]].apply(lambda own: own["volume_ml"].corr(own["value"]))
    assert found.to_dict() == pytest.approx(expected.to_dict())


def test_size_chart_leaves_out_empty_structures(scores):
    """A structure of volume 0 has no place on a logarithmic axis."""
    points = size_points(_dice(scores))
    points.loc[points["label"] == "caudate", "volume_ml"] = 0.0
    chart = size_chart(points, palette={"unet": "#000000"}, metric="dice", unit="1")
    assert "caudate" not in {row["label"] for row in _data(chart) if "label" in row}


def test_heat_chart_holds_all_values():
    """Each square has its value; an empty one is left out, and names keep their order."""
    table = pd.DataFrame({"row": ["b", "b", "a"], "column": ["x", HOSTILE, "x"], "v": [0.25, np.nan, 1.0], "n": 3})
    chart = heat_chart(table, rows="row", columns="column", value="v", title="share")
    assert [(row["row"], row["column"], row["shown"]) for row in _data(chart)] == [("b", "x", 0.25), ("a", "x", 1.0)]
    assert chart.to_dict()["layer"][0]["encoding"]["y"]["sort"] == ["b", "a"]


def test_roc_table_and_chart():
    """A perfect rater goes over the corner; the chart holds every point."""
    found = pd.DataFrame(
        {"rater": HOSTILE, "by": "by a volume drawn > 0", "truth": [True, False, True], "score": [2.0, 0.0, 3.0]}
    )
    curve = roc_table(found)
    assert (0.0, 1.0) in set(zip(curve["false_positive_rate"], curve["sensitivity"], strict=True))
    assert sum("step" in row for row in _data(roc_chart(curve, {HOSTILE: "#000000"}))) == len(curve)
    assert roc_table(found.iloc[:0]).empty


def test_slice_chart_counts_from_one():
    """Slices have the numbers that people give them, and the one that is shown stands out."""
    chart = slice_chart(np.array([0, 4, 2]), 1)
    assert [(row["slice"], row["wrong"]) for row in _data(chart)] == [(1, 0), (2, 4), (3, 2)]
    assert "datum.slice == 2" in str(chart.to_dict())


@pytest.fixture(scope="module")
def study(dataset):
    """The readers of four cases, compared."""
    return study_readers(dataset.select([f"case0{number}" for number in range(1, 5)]), jobs=1)


def test_agreement_is_symmetric(study):
    """Each pair stands in both orders with one value."""
    matrix = agreement_matrix(study, "caudate", "dice").set_index(["reader", "other"])["mean"]
    assert len(matrix) == 6
    assert matrix["reader1", "reader3"] == matrix["reader3", "reader1"]
    pairs = study.pairs.query("label == 'caudate' and metric == 'dice' and reader == 'reader1' and other == 'reader3'")
    assert matrix["reader1", "reader3"] == pytest.approx(pairs["value"].mean())


def test_indeterminate_shares_are_the_studys(study):
    """One share for each structure and case: the same for whichever reader is left out in the study."""
    shares = indeterminate_shares(study).set_index(["case", "label"])["share"]
    assert len(shares) == 4 * 13
    rows = study.by_reader.query("case == 'case02' and label == 'caudate' and metric == 'indeterminate_share'")
    assert np.ptp(rows["value"]) == 0
    assert shares["case02", "caudate"] == rows["value"].iloc[0]


def test_estimate_chart_has_intervals():
    """Each estimate is drawn with both ends."""
    table = pd.DataFrame({"label": [HOSTILE], "value": [0.8], "low": [0.6], "high": [0.9], "n": [12]})
    (row,) = _data(estimate_chart(table, "ICC"))
    assert (row["label"], row["low"], row["high"]) == (HOSTILE, 0.6, 0.9)


@pytest.mark.parametrize(
    ("name", "title"), [("icc(2,1)", "ICC(2,1)"), ("fleiss_kappa", "Fleiss' kappa"), ("dice", "Dice")]
)
def test_statistics_have_titles(name, title):
    """Names are written as people write them."""
    assert statistic_title(name) == title
