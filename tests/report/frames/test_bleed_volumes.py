"""Dice and volumes by type of hemorrhage, and ABC/2."""

import pytest

from ctbench.report.frames.bleed_volumes import ABC2_ALL, abc2_rows, quantified
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.strata import strata


def test_a_rater_without_types_is_measured_on_any_hemorrhage(bleed_runs):
    """Its bleeds of each type are those of the scans of that type."""

    def untyped(run):
        scores = run.scores
        is_type = scores["label"] != "hemorrhage"
        return scores.assign(value=scores["value"].mask(is_type), status=scores["status"].mask(is_type, "unsupported"))

    runs = bleed_runs(raters=("wide",))
    (results,) = gather(runs)
    object.__setattr__(results, "scores", untyped(runs[0]))
    rows = quantified(results, strata(results, None, "majority").frame, "hemorrhage", None)
    assert rows["structure"].tolist()[:2] == ["hemorrhage in scans of iph", "hemorrhage in scans of sah"]
    assert rows["n"].tolist()[:2] == [3, 1]
    assert rows["dice"].iloc[0] == pytest.approx((0.9 + 0.8 + 0.6) / 3)


def test_abc2_with_all_slices_is_taken_of_the_label_maps(results, dataset):
    """Blobs of the made-up head: one row for each label, over all cases that hold it."""
    rows = abc2_rows(results, dataset, ["caudate"])
    assert [(row["rater"], row["structure"]) for row in rows] == [(ABC2_ALL, "caudate")]
    assert rows[0]["n"] == 12
