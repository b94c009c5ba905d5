"""Means of structures x models."""

import pytest

from ctbench.report.frames.contestants import contestants
from ctbench.report.frames.structure_means import structure_means, weakest_structure


def test_a_mean_is_that_by_which_the_structure_is_ranked(results):
    """On the references and cases on which all raters have a value."""
    means = structure_means(results, ("caudate", "septum_pellucidum"), results.models)
    grids, names = results.grids("dice", results.fair), ["all readers", *results.models]
    for label in ("caudate", "septum_pellucidum"):
        rows = contestants(grids, names, (label,), "dice", name_of=results.name_of)
        for rater, own in rows.groupby("rater", observed=True):
            (shown,) = means[(means["label"] == label) & (means["rater"] == rater)]["mean"]
            assert shown == pytest.approx(own["value"].mean())


def test_a_structure_that_a_model_does_not_claim_has_no_row(results):
    """Atlas does not know the insular cortex; unet does."""
    means = structure_means(results, ("insular_cortex",), results.models)
    assert "unet" in set(means["rater"])
    assert "atlas" not in set(means["rater"])


def test_the_weakest_structure_has_the_worst_mean(results):
    """The lowest Dice, the highest HD95; a metric without a better direction has none."""
    for metric, worst in (("dice", min), ("hd95", max)):
        means = structure_means(results, results.labels, results.models, metric)
        own = means[means["rater"] == "unet"].set_index("label")["mean"]
        label, value = weakest_structure(means, "unet", metric)
        assert value == worst(own) == own[label]
    volumes = structure_means(results, results.labels, results.models, "volume_ml")
    assert weakest_structure(volumes, "unet", "volume_ml") is None
    assert weakest_structure(means[means["label"] == "caudate"], "unet", "dice") is None
