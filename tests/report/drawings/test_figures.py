"""Figures say what they show."""

import html
import re

import numpy as np
import pandas as pd
import pytest

from ctbench.report.drawings.canvas import inline_svg
from ctbench.report.drawings.colours import rater_colours
from ctbench.report.drawings.figures import bland_altman_figure, box_figure, overall_figure, volume_figure
from ctbench.report.frames import summaries, tables

PALETTE = rater_colours(["unet", "atlas"], ["reader1", "reader2", "reader3"])


def _texts(figure):
    """All texts of a figure as it is drawn."""
    found = re.findall(r"<text[^>]*>(.*?)</text>", inline_svg(figure, "x", "y"), flags=re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", text)) for text in found]


def _panels(figure):
    """The panels of a figure, as Vega-Lite describes them."""
    drawn = figure.to_dict()
    return drawn.get("hconcat") or drawn["concat"]


def _rows(figure, panel, layer):
    """The data of a layer of a panel."""
    drawn = figure.to_dict()
    return pd.DataFrame(drawn["datasets"][_panels(figure)[panel]["layer"][layer]["data"]["name"]])


def _axis(panel, name):
    """The title of an axis of a panel."""
    titles = [layer["encoding"][name].get("title") for layer in panel["layer"] if name in layer["encoding"]]
    return next((title for title in titles if title), None)


@pytest.fixture(scope="module")
def compared(scores, label_codes):
    """The comparison of unet and the readers on leave-one-out references."""
    labels = tuple(label_codes)
    return tables.comparison(
        scores, model="unet", structures=labels, averaged=labels, metric="dice", reference=tables.LEAVE_ONE_OUT
    )


@pytest.fixture(scope="module")
def boxes(scores, compared, label_codes):
    """The box plots of that comparison."""
    chosen = scores[
        (scores["metric"] == "dice")
        & scores["reference"].isin(compared["reference"])
        & scores["label"].isin(label_codes)
        & (scores["rater"] != "atlas")
    ]
    return box_figure(chosen, compared, model="unet", structures=tuple(label_codes), palette=PALETTE)


def test_overall_figure(results, scores, label_codes):
    """A panel for each metric with its unit, the number of cases and which way is better; the readers are a band."""
    summary = summaries.summary(results, tuple(label_codes), results.models, reference=tables.LEAVE_ONE_OUT)
    figure = overall_figure(summary, PALETTE)
    assert [_axis(panel, "x") for panel in _panels(figure)] == [
        ["Dice", "higher is better", "n = 12 cases"],
        ["Volume difference (absolute), mL", "lower is better", "n = 12 cases"],
        ["HD95, mm", "lower is better", "n = 12 cases"],
        ["NSD", "higher is better", "n = 12 cases"],
    ]
    assert {"all readers", "unet", "atlas"} <= set(_texts(figure))
    singles = summary[(summary["rater_kind"] == "reader") & (summary["metric"] == "dice")]["mean"]
    band = _rows(figure, 0, 0)
    assert band["low"].item() == pytest.approx(singles.min())
    assert band["high"].item() == pytest.approx(singles.max())


def test_box_figure(boxes, label_codes):
    """A panel for each reader's reference, every structure and rater named, n on each axis."""
    texts = _texts(boxes)
    assert len(_panels(boxes)) == 3
    for name in (*label_codes, "unet", "reader1", "reader2", "reader3"):
        assert name in texts
    assert all(_axis(panel, "x")[-1] == "n = 11 to 12 cases" for panel in _panels(boxes))


def test_panels_share_the_colours_of_all_raters(boxes):
    """Each panel has a colour for every rater of the figure, so that the shared legend gives each its own."""
    scales = [panel["layer"][0]["encoding"]["color"]["scale"] for panel in _panels(boxes)]
    assert all(scale == scales[0] for scale in scales)
    assert scales[0]["domain"] == ["unet", "reader1", "reader2", "reader3"]
    assert len(set(scales[0]["range"])) == 4


def test_asterisks_stand_where_a_reader_is_better(boxes, compared):
    """There are as many asterisks as readers that are better, and as many daggers as models, in each panel."""
    structures = compared[compared["label"] != "overall"]
    for at, (_, rows) in enumerate(structures.groupby("reference", sort=False)):
        marks = _rows(boxes, at, 0)["mark"].tolist()
        assert marks.count("*") == rows["reader_better"].sum()
        assert marks.count("†") == rows["model_better"].sum()
    drawn = _texts(boxes)
    assert drawn.count("*") == structures["reader_better"].sum()
    assert drawn.count("†") == structures["model_better"].sum()


def test_boxes_are_the_quartiles(boxes, scores):
    """The model's first box reaches from the first to the third quartile of its values."""
    values = scores.query(
        "rater == 'unet' and metric == 'dice' and reference == 'majority-without-reader1' and label == 'caudate'"
    )["value"]
    row = _rows(boxes, 0, 0).query("rater == 'unet' and label == 'caudate'").iloc[0]
    assert (row["q1"], row["q3"]) == pytest.approx((values.quantile(0.25), values.quantile(0.75)))


@pytest.mark.parametrize("draw", [volume_figure, bland_altman_figure])
def test_volume_figures(scores, draw):
    """A panel for each structure with n in its title, and both axes in mL where no other panel stands before them."""
    pairs = tables.volume_pairs(scores, rater="atlas", reference="majority", structures=("caudate", "ventricles"))
    figure = draw(pairs, rater="atlas", reference="majority", shade="#0072b2")
    panels = _panels(figure)
    assert [panel["title"]["text"] for panel in panels] == ["caudate (n = 12)", "ventricles (n = 12)"]
    assert all("mL" in _axis(panel, "x") for panel in panels)
    assert "mL" in _axis(panels[0], "y")
    assert _axis(panels[1], "y") is None


def test_fits_and_fixed_limits_are_drawn():
    """Volumes: identity, least squares, LOESS; differences: +-3 mL and LOESS; a panel for each rater."""
    reference = np.array([1.0, 5.0, 20.0, 40.0, 80.0])
    pairs = pd.DataFrame({"rater": "a", "case": list("abcde"), "reference_ml": reference, "measured_ml": 2 * reference})
    words = {"rater": "model", "reference": "b", "shade": "#0072b2", "panels": "rater"}
    (panel,) = _panels(volume_figure(pairs, **words))
    assert panel["title"]["text"] == "a (n = 5)"
    figure = volume_figure(pairs, **words)
    identity, line, _, curve = (_rows(figure, 0, layer) for layer in range(4))
    assert identity["measured_ml"].tolist() == identity["reference_ml"].tolist() == [1, 160]
    for fit in (line, curve):
        assert fit["measured_ml"].to_numpy() == pytest.approx(2 * fit["reference_ml"].to_numpy())
    figure = bland_altman_figure(pairs, **words, limit_ml=3.0)
    assert _rows(figure, 0, 0)["difference_ml"].tolist() == [-3, 3]
    smooth = _rows(figure, 0, 3)
    assert smooth["difference_ml"].to_numpy() == pytest.approx(2 * smooth["mean_ml"].to_numpy() / 3)


@pytest.mark.parametrize("draw", [volume_figure, bland_altman_figure])
@pytest.mark.parametrize("values", [[3.0], [3.0, 3.0], [0.0, 0.0, 0.0]])
def test_few_or_equal_volumes_can_be_drawn(draw, values):
    """One case, or cases that are all alike, have no fit and no limits, but a figure."""
    pairs = pd.DataFrame({"label": "x", "case": map(str, values), "reference_ml": values, "measured_ml": values})
    figure = draw(pairs, rater="a", reference="b", shade="#0072b2")
    assert inline_svg(figure, "few", "few")
