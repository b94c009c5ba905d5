import pytest

from ctbench.report.frames.shared_means import SHARED_COLUMNS, shared_means
from ctbench.statistics import OVERALL


def test_models_have_a_mean_overall_and_of_each_structure_that_they_claim(results):
    """The numbers are those of the tables; readers, and structures that a model does not claim, are left out."""
    table = shared_means(results)
    assert tuple(table.columns) == SHARED_COLUMNS
    assert set(table["rater"]) == {"unet", "atlas"}
    assert not table.duplicated(["rater", "label", "metric"]).any()
    known = table.dropna(subset=["low", "high"])
    assert len(known) > 50
    assert ((known["low"] <= known["mean"]) & (known["mean"] <= known["high"])).all()
    dice = table[table["metric"] == "dice"].set_index(["rater", "label"])
    assert ("atlas", "insular_cortex") not in dice.index
    assert ("atlas", OVERALL) in dice.index
    scores = results.scores.query("rater == 'unet' and reference == 'majority' and metric == 'dice'")
    caudate = scores.loc[scores["label"] == "caudate", "value"]
    assert dice.loc[("unet", "caudate"), "mean"] == pytest.approx(caudate.mean())
    assert dice.loc[("unet", "caudate"), "n"] == 12
    own = scores[scores["label"].isin(results.labels) & scores["status"].isin(["ok", "prediction_empty"])]
    assert dice.loc[("unet", OVERALL), "mean"] == pytest.approx(own.groupby("case")["value"].mean().mean())
