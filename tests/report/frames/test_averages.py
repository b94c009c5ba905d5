"""Overall means of raters against plain pandas, and averages over structures and references."""

import numpy as np
import pytest

from ctbench.boards import Grid
from ctbench.report.frames import tables
from ctbench.report.frames.averages import averaged, common_ground
from ctbench.report.frames.summaries import summary
from ctbench.statistics import overall

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


def test_averages_are_those_of_the_statistics(scores):
    """`averaged` gives the values and statuses of `statistics.overall`, of means over references."""
    chosen = scores[(scores["metric"] == "dice") & scores["reference"].str.contains("-without-")]
    over = ["caudate", "septum_pellucidum", "central_sulcus", "insular_cortex"]
    grids = [Grid.of(own) for _, own in chosen.groupby("reference")]
    found = averaged(grids, over, lambda entry: (entry.rater, entry.rater_kind)).set_index(["case", "rater"])
    keys = ["case", "rater", "label"]
    each = chosen.assign(value=chosen.groupby(keys)["value"].transform("mean"))
    expected = overall(each.assign(reference="all"), labels=over, population="penalise").set_index(["case", "rater"])
    assert len(found) == len(expected)
    for name in ("value", "status"):
        one, other = (dict(zip(table.index.tolist(), table[name].tolist(), strict=True)) for table in (found, expected))
        assert one == pytest.approx(other, nan_ok=True) if name == "value" else one == other


def test_common_ground_is_where_all_have_a_value():
    """A reference on which somebody lacks a value does not count there; one without any value takes nothing away."""
    nan = np.nan
    first = np.array([[[0.8, 0.6, nan], [0.5, 0.5, nan]]])
    second = np.array([[[0.4, nan, nan], [nan, 0.1, nan]]])
    np.testing.assert_array_equal(common_ground([first, second]), [[[0.8, 0.6, nan], [0.5, 0.5, nan]]])
    np.testing.assert_array_equal(common_ground([second]), np.full((1, 2, 3), nan))
