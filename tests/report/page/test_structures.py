"""Means by structure, and Dice and size."""

import numpy as np
import pandas as pd

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.structure_means import structure_means
from ctbench.report.page import structures
from ctbench.report.wording import fixed


def test_dice_and_size_over_structures(results):
    """The correlation on the page is that of mean Dice and mean volume over the structures that a model knows."""
    rows = results.scores.query("rater == 'unet' and reference == 'majority'")
    rows = rows[rows["label"].isin(results.labels)]
    both = rows.pivot_table(index=["label", "case"], columns="metric", values="value")[["dice", "reference_volume_ml"]]
    means = both.dropna().groupby("label").mean()
    html = structures.sizes(results)
    first = html[: html.index("Over the cases")]
    assert fixed(np.corrcoef(means["dice"], means["reference_volume_ml"])[0, 1]) in first
    assert "atlas" in first


def test_without_volumes_there_is_no_size(small_runs):
    """Runs that scored Dice only cannot be correlated."""
    (results,) = gather(small_runs(edit=lambda scores: scores[scores["metric"] == "dice"]))
    assert not structures.can_correlate(results)


def test_two_structures_make_no_line(small_runs):
    """With two structures, only the cases are correlated."""
    (results,) = gather(small_runs())
    html = structures.sizes(results)
    assert "Mean Dice of the structures" not in html
    assert "Over the cases of each structure" in html
    assert html.count("<tr>") == 1 + 2 * 4  # a head, then two structures of four raters


def test_models_that_know_groups_only_are_correlated_over_their_cases(small_runs):
    """With no label of the dataset supported there is nothing to correlate over structures, but the rest is shown."""

    def without_labels(scores):
        group = scores[scores["label"] == "ventricles"].assign(label="fluid")
        return pd.concat([scores.assign(status="unsupported", value=np.nan), group])

    (results,) = gather(small_runs(raters=("unet",), edit=without_labels, groups={"fluid": ("ventricles",)}))
    html = structures.sizes(results)
    assert "Mean Dice of the structures" not in html
    assert "fluid" in html


def test_the_heat_table_holds_the_means_that_are_ranked(results):
    """Structures x raters in one table for each scope, each mean on a shade; all other figures are folded."""
    html = structures.per_structure(results)
    means = structure_means(results, results.structures, results.models)
    first = html[: html.index("<details")]
    assert first.count("<table") == len(results.scopes)
    for row in means[means["rater"].isin(["unet", "atlas"])].to_dict("records"):
        assert fixed(row["mean"]) in first
    assert 'class="shade"' in first
    assert "<details open" not in html
