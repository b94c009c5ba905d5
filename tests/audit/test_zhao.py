"""The audit of Zhao et al. 2022; figures are worked out here a second time from the paper's own numbers."""

import pytest

from ctbench.audit.zhao import audit_zhao
from ctbench.datasets import published


@pytest.mark.parametrize(
    ("fields", "printed", "verdict"),
    [
        ({"quantity": "best nsd of the single models"}, "0.5095", "contradicted"),
        ({"quantity": "best dice of the single models"}, "0.7343", "reproduced"),
    ],
)
def test_single_findings(one, fields, printed, verdict):
    """Each known agreement and disagreement of the papers with themselves is found."""
    row = one(**fields)
    assert (row["printed"], row["verdict"]) == (printed, verdict)


@pytest.fixture
def figures():
    """The published rows of the challenge."""
    return published("instance2022")


def test_the_baseline_is_best_where_its_figure_is_made_the_best(figures):
    """With a baseline that beats everybody, every claim about single models holds, whichever way a metric is good."""
    best = figures.copy()
    own = best["rater"].eq("Baseline")
    lower = best["metric"].isin(["hd", "hd95", "rvd", "rvd_absolute"])
    best.loc[own, "value"] = best.loc[own, "value"].where(~lower[own], 0.0).where(lower[own], 0.99)
    verdicts = {one.quantity: one.verdict for one in audit_zhao(best) if one.quantity.startswith("best ")}
    assert len(verdicts) == figures["metric"].nunique() == 4
    assert set(verdicts.values()) == {"reproduced"}


def test_an_ensemble_below_a_single_model_is_told(figures):
    """The claim that the ensemble has the higher Dice fails where its figure is lower."""
    low = figures.copy()
    low.loc[low["rater"].eq("Ensemble") & low["metric"].eq("dice"), "value"] = 0.1
    (found,) = [one for one in audit_zhao(low) if one.rater == "Ensemble"]
    assert found.verdict == "contradicted"
