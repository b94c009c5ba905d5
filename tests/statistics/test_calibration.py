"""A short run of benchmarks/calibration.py: what must hold of every test, within the chance of a few studies."""

import importlib
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def calibration():
    """The benchmark as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
        return importlib.import_module("calibration")


def _holds(rows, what, share):
    """Whether the share lies in the simulation's interval in every row about it, widened for the many rows."""
    chosen = rows[rows["what"].eq(what)]
    assert len(chosen), what
    slack = (chosen["high"] - chosen["low"]) / 2
    return bool(((chosen["low"] - slack <= share) & (share <= chosen["high"] + slack)).all())


@pytest.mark.slow
def test_tests_reject_at_five_per_cent_and_intervals_cover(calibration):
    """Equal raters: tests that know of cases reject in 5 %; the pooled one does so only where cases are alike."""
    rows = pd.DataFrame(calibration.score_level(60))
    for name in ("OLS, clustered by case", "mixed model", "paired t"):
        assert _holds(rows, f"{name}: rejects", 0.05)
        assert _holds(rows, f"{name}: interval covers", 0.95)
    assert _holds(rows, "Wilcoxon: rejects", 0.05)
    assert _holds(rows, "mean: interval covers", 0.95)
    alike = rows["case_sd"].eq(0)
    assert _holds(rows[alike], "OLS, pooled variance: rejects", 0.05)
    pooled = rows[~alike & rows["what"].eq("OLS, pooled variance: rejects")]
    assert (pooled["share"] < 0.03).all()
    claimed = rows[rows["what"].eq("equivalence claimed at the margin")]
    assert (claimed["low"] <= 0.05).all()


def test_intervals_know_that_scans_of_a_patient_are_alike(calibration):
    """Clustered by patient they cover the mean; over scans they cover far too seldom."""
    rows = pd.DataFrame(calibration.patients(200))
    clustered = rows["what"].str.contains("clustered")
    assert (rows.loc[clustered, "share"] > 0.88).all()
    assert (rows.loc[~clustered, "share"] < 0.88).all()


@pytest.mark.slow
def test_readers_look_better_only_on_the_reference_that_they_made(calibration):
    """Equal raters' masks: the common majority favours readers by .03 or more; leave-one-out references do not."""
    rows = pd.DataFrame(calibration.mask_level(25)).set_index("what")
    share = rows["share"]
    assert share["mean Dice of readers on majority"] - share["mean Dice of models on majority"] > 0.03
    assert abs(share["mean Dice of readers on leave-one-out"] - share["mean Dice of models on leave-one-out"]) < 0.015
    assert share["OLS, pooled, on the common majority: rejects"] > 0.2
    assert rows.loc["OLS, clustered, on leave-one-out references: rejects", "low"] <= 0.07


@pytest.mark.slow
def test_pooling_structures_rejects_far_too_often(calibration):
    """Wilcoxon over structures x subjects rejects equal raters far too often; over subjects it does not."""
    rows = pd.DataFrame(calibration.pseudo_replication(30)).set_index("what")
    assert rows.loc["Wilcoxon over structure x subject (pseudo-replicated): rejects", "low"] > 0.15
    assert rows.loc["Wilcoxon over subject: rejects", "low"] <= 0.05


@pytest.mark.slow
def test_intervals_of_agreement_cover(calibration):
    """Every interval covers its population value in 95 % of samples, within chance."""
    rows = pd.DataFrame(calibration.intervals(300))
    for what in rows["what"]:
        assert _holds(rows, what, 0.95), what


def test_a_planned_study_has_the_power_and_the_width_that_were_planned(calibration, monkeypatch):
    """Fifty studies of the planned size: power .8 within chance, and half-widths within a tenth of the planned one."""
    monkeypatch.setattr(calibration, "PLANNED", {"scores": calibration.PLANNED["mean scores"]})
    rows = pd.DataFrame(calibration.planning(50, asked=(10,)))
    assert _holds(rows, "scores, 10 readers: power .8 planned, found", 0.8)
    assert _holds(rows, "scores, 10 readers: interval covers", 0.95)
    (ratio,) = rows.loc[rows["what"].eq("scores, 10 readers: half-width over the planned one"), "share"]
    assert 0.9 < ratio < 1.1
