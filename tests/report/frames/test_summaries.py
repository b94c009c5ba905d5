"""Overall means of raters against plain pandas, on one reference and on those without each reader."""

import numpy as np

from ctbench.report.frames import tables
from ctbench.report.frames.summaries import summary

READERS = ["reader1", "reader2", "reader3"]


def _overall(scores, labels, **wanted):
    chosen = scores[scores["label"].isin(labels) & (scores["metric"] == "dice")]
    for column, value in wanted.items():
        chosen = chosen[chosen[column].isin(value)]
    chosen = chosen[~chosen["status"].isin({"both_empty", "reference_empty"})]
    return chosen.groupby(["case", "label"])["value"].mean().groupby("case").mean()


def test_summary_on_one_reference(results, scores, label_codes):
    """Overall is the mean over structures in each case, then over cases."""
    labels = tuple(label_codes)
    table = summary(results, labels, ["unet"], reference="majority").set_index(["rater", "metric"])
    expected = _overall(scores, labels, rater=["unet"], reference=["majority"])
    row = table.loc[("unet", "dice")]
    np.testing.assert_allclose(
        row[["mean", "sd", "median"]].tolist(), [expected.mean(), expected.std(), expected.median()]
    )
    assert row["n"] == 12
    assert set(table["reference"]) == {"majority"}


def test_summary_on_leave_one_out_references(results, scores, label_codes):
    """Models and all readers average the same references; single readers keep their own."""
    labels = tuple(label_codes)
    table = summary(results, labels, ["unet"], reference=tables.LEAVE_ONE_OUT)
    dice = table[table["metric"] == "dice"].set_index("rater")
    without = [f"majority-without-{name}" for name in READERS]
    for rater, names in (("all readers", READERS), ("unet", ["unet"])):
        expected = _overall(scores, labels, rater=names, reference=without)
        np.testing.assert_allclose(dice.loc[rater, ["mean", "sd"]].tolist(), [expected.mean(), expected.std()])
        assert dice.loc[rater, "reference"] == "leave-one-out"
    own = _overall(scores, labels, rater=["reader2"], reference=[without[1]])
    np.testing.assert_allclose(dice.loc["reader2", "mean"], own.mean())
    assert dice.loc["reader2", "reference"] == without[1]
    assert dice.loc["all readers", "rater_kind"] == "readers"


def test_summary_counts_a_failure_once(results, label_codes):
    """A case that failed on three references and eleven labels is one failed case, one penalty is one penalty."""
    table = summary(results, tuple(label_codes), results.models, reference=tables.LEAVE_ONE_OUT)
    dice = table[table["metric"] == "dice"].set_index("rater")
    assert dice.loc["atlas", ["failed", "penalised", "n"]].tolist() == [1, 0, 12]
    assert dice.loc["unet", ["failed", "penalised", "undefined"]].tolist() == [0, 1, 0]


def test_what_stands_beside_is_the_same_for_all_metrics(results, label_codes):
    """Misses and false alarms are counted once, whatever the metric."""
    table = summary(results, tuple(label_codes), ["unet"], reference=tables.LEAVE_ONE_OUT)
    own = table[table["rater"] == "unet"]
    assert len(own) > 2
    assert own[["misses", "positives", "false_alarms", "negatives"]].drop_duplicates().to_numpy().tolist() == [
        [1, 12 * 11 - 2, 0, 1]
    ]
