"""Charts of lesions."""

import pandas as pd

from ctbench.report.drawings.canvas import inline_svg
from ctbench.report.drawings.lesion_charts import lesion_volume_chart, sensitivity_chart
from ctbench.report.frames.lesion_summaries import reader_band

PALETTE = {"m": "#0072b2", "reader1": "#8c959f"}


def _pooled(*sizes):
    kinds = {"m": "model", "reader1": "reader"}
    return pd.DataFrame(
        [
            (rater, kind, size, 0.5, 0.2, 0.8, 4, 8, 3)
            for rater, kind in kinds.items()
            for size in sizes
            if kind == "model" or size != "small"
        ],
        columns=["rater", "rater_kind", "size_class", "sensitivity", "low", "high", "detected", "lesions", "patients"],
    )


def test_models_stand_before_the_readers_band():
    """A dot for each model and size, a bar for each size that readers have, sizes from all to the smallest."""
    pooled = _pooled("small", "all", "large")
    drawn = sensitivity_chart(pooled, reader_band(pooled), PALETTE).to_dict()
    data = drawn["datasets"]
    sizes = sorted(len(rows) for rows in data.values())
    assert sizes == [2, 3]
    assert drawn["layer"][0]["encoding"]["x"]["sort"] == ["all", "large", "small"]
    assert "<svg" in inline_svg(sensitivity_chart(pooled, reader_band(pooled), PALETTE), "a", "b")


def test_without_readers_there_is_no_band():
    """The layer of the band is left out."""
    pooled = _pooled("all")
    models = pooled[pooled["rater_kind"] == "model"]
    both = sensitivity_chart(pooled, reader_band(pooled), PALETTE).to_dict()
    alone = sensitivity_chart(models, reader_band(models), PALETTE).to_dict()
    assert len(both["layer"]) - len(alone["layer"]) == 1


def test_a_missed_lesion_stands_at_the_edge():
    """On a logarithmic axis its predicted volume of 0 is drawn at 0.001 mL; readers and pieces are not drawn."""
    lesions = pd.DataFrame(
        {
            "rater": ["m", "m", "m", "reader1"],
            "rater_kind": ["model", "model", "model", "reader"],
            "case": "a",
            "outcome": ["detected", "missed", "false_positive", "detected"],
            "volume_ml": [2.0, 1.0, 5.0, 3.0],
            "predicted_volume_ml": [2.5, 0.0, float("nan"), 3.0],
            "slice": [3, 4, 5, 6],
        }
    )
    drawn = lesion_volume_chart(lesions, PALETTE).to_dict()
    (rows,) = (rows for rows in drawn["datasets"].values() if "outcome" in rows[0])
    assert [(row["x"], row["y"], row["at"]) for row in rows] == [(2.0, 2.5, 4), (1.0, 0.001, 5)]


def test_models_of_one_colour_have_shapes_of_their_own():
    """Two models that share a colour, as on a board of more models than colours, differ in shape; others do not."""
    pooled = _pooled("all").replace({"rater": {"reader1": "second"}, "rater_kind": {"reader": "model"}})
    for other, forms in (("#d55e00", None), (PALETTE["m"], ["circle", "triangle-up"])):
        drawn = sensitivity_chart(pooled, reader_band(pooled), {"m": PALETTE["m"], "second": other}).to_dict()
        shape = drawn["layer"][-1]["encoding"].get("shape")
        assert (shape and shape["scale"]["range"]) == forms
