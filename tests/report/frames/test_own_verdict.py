"""The verdict on one run among others."""

from dataclasses import replace

from ctbench.report.frames.own_verdict import verdict_of
from ctbench.report.frames.verdict import verdicts


def test_a_run_stands_among_the_others_as_in_the_verdict_of_all(runs, results):
    """Rank and mean are those of the report on all runs."""
    (unet,) = (run for run in runs if run.manifest.rater == "unet")
    (row,) = verdict_of(unet, runs).to_dict("records")
    expected = verdicts(results).set_index("rater").loc["unet"]
    assert row["rater"] == "unet"
    assert (row["rank"], row["ranked"], row["mean"]) == tuple(expected[["rank", "ranked", "mean"]])


def test_runs_by_other_rules_and_on_other_data_are_left_out(small_runs):
    """A run by staple and one on another dataset do not compete; readers have no verdict."""
    unet, readers = small_runs()
    other, _ = small_runs(consensus="staple")
    third, _ = small_runs()
    third = replace(third, manifest=third.manifest.model_copy(update={"dataset": "elsewhere"}))
    (row,) = verdict_of(unet, [readers, other, third]).to_dict("records")
    assert row["ranked"] == 2
    assert verdict_of(readers, [unet]).empty
