"""Figures say what they show."""

import pandas as pd
import pytest

from ctbench.report.drawings.canvas import MODEL_COLOURS, READER_COLOURS, inline_svg
from ctbench.report.drawings.figures import bland_altman_figure, box_figure, colours, overall_figure, volume_figure
from ctbench.report.frames import averages, tables


def _texts(figure):
    import matplotlib.text

    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def _labelled(figure):
    across, up = figure.get_supxlabel(), figure.get_supylabel()
    return (across and up) or (
        all(panel.get_xlabel() for panel in figure.axes) and any(panel.get_ylabel() for panel in figure.axes)
    )


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
    return box_figure(chosen, compared, model="unet", structures=tuple(label_codes), palette=colours(scores))


def test_colours(scores):
    """Readers are grey, models have Okabe and Ito's colours, and all of them differ."""
    palette = colours(scores)
    assert set(palette) == {"reader1", "reader2", "reader3", "unet", "atlas"}
    assert [palette["unet"], palette["atlas"]] == list(MODEL_COLOURS[:2])
    assert palette["reader1"] in READER_COLOURS
    assert len(set(palette.values())) == 5


def test_overall_figure(results, scores, label_codes):
    """A panel for each metric with its unit, the number of cases and which way is better; the readers are a band."""
    summary = averages.summary(results, tuple(label_codes), results.models, reference=tables.LEAVE_ONE_OUT)
    figure = overall_figure(summary, colours(scores))
    assert len(figure.axes) == 4
    assert _labelled(figure)
    assert [panel.get_xlabel() for panel in figure.axes] == [
        "Dice\nhigher is better\nn = 12 cases",
        "Volume difference (absolute), mL\nlower is better\nn = 12 cases",
        "HD95, mm\nlower is better\nn = 12 cases",
        "NSD\nhigher is better\nn = 12 cases",
    ]
    singles = summary[(summary["rater_kind"] == "reader") & (summary["metric"] == "dice")]["mean"]
    band = figure.axes[0].patches[0]
    assert band.get_x() == pytest.approx(singles.min())
    assert band.get_x() + band.get_width() == pytest.approx(singles.max())


def test_box_figure(boxes, label_codes):
    """A panel for each reader's reference, every structure and rater named, n on each axis."""
    texts = _texts(boxes)
    assert len(boxes.axes) == 3
    assert _labelled(boxes)
    for name in (*label_codes, "unet", "reader1", "reader2", "reader3"):
        assert name in texts
    assert all("n = 11 to 12 cases" in panel.get_xlabel() for panel in boxes.axes)


def test_asterisks_stand_where_a_reader_is_better(boxes, compared):
    """There are as many asterisks as readers that are better, and as many daggers as models, in each panel."""
    structures = compared[compared["label"] != "overall"]
    for panel, (_, rows) in zip(boxes.axes, structures.groupby("reference", sort=False), strict=True):
        marks = [text.get_text() for text in panel.texts]
        assert marks.count("*") == rows["reader_better"].sum()
        assert marks.count("†") == rows["model_better"].sum()
        assert len(marks) == rows["reader_better"].sum() + rows["model_better"].sum()


def test_boxes_are_the_quartiles(boxes, scores):
    """The first box of the first panel reaches from the first to the third quartile of the model's values."""
    values = scores.query(
        "rater == 'unet' and metric == 'dice' and reference == 'majority-without-reader1' and label == 'caudate'"
    )["value"]
    spans = [patch.get_path().get_extents() for patch in boxes.axes[0].patches]
    assert any(
        span.x0 == pytest.approx(values.quantile(0.25)) and span.x1 == pytest.approx(values.quantile(0.75))
        for span in spans
    )


@pytest.mark.parametrize("draw", [volume_figure, bland_altman_figure])
def test_volume_figures(scores, draw):
    """A panel for each structure with n in its title, and both axes in mL."""
    pairs = tables.volume_pairs(scores, rater="atlas", reference="majority", structures=("caudate", "ventricles"))
    figure = draw(pairs, rater="atlas", reference="majority", shade="#0072b2")
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["caudate (n = 11)", "ventricles (n = 11)"]
    assert "mL" in figure.get_supxlabel()
    assert "mL" in figure.get_supylabel()


@pytest.mark.parametrize("draw", [volume_figure, bland_altman_figure])
@pytest.mark.parametrize("values", [[3.0], [3.0, 3.0], [0.0, 0.0, 0.0]])
def test_few_or_equal_volumes_can_be_drawn(draw, values):
    """One case, or cases that are all alike, have no fit and no limits, but a figure."""
    pairs = pd.DataFrame({"label": "x", "case": map(str, values), "reference_ml": values, "measured_ml": values})
    figure = draw(pairs, rater="a", reference="b", shade="#0072b2")
    assert inline_svg(figure, "few", "few")
