import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from ctbench.errors import UsageError
from ctbench.statistics import describe, describe_columns, overall
from ctbench.statistics.tidy import STATUSES


def test_describe_small_sample_by_hand(tidy):
    """Mean, SD, quartiles and interval of 1, 2, 3, 4 are those worked out by hand, for a metric without bounds."""
    row = describe(tidy({"model": [1.0, 2.0, 3.0, 4.0]}, metric="volume_difference_ml")).iloc[0]
    sd = math.sqrt(5 / 3)
    assert (row["n"], row["mean"], row["median"], row["min"], row["max"]) == (4, 2.5, 2.5, 1, 4)
    assert (row["q1"], row["q3"]) == (1.75, 3.25)
    assert row["sd"] == pytest.approx(sd)
    assert row["se"] == pytest.approx(sd / 2)
    assert row["high"] - row["mean"] == pytest.approx(3.182446305 * sd / 2)  # t(3) at 97.5 %
    assert row["low"] + row["high"] == pytest.approx(5.0)


def test_describe_interval_agrees_with_scipy(tidy, readers_and_model):
    """The interval of every rater's mean is scipy's t interval, for a metric without bounds."""
    for row in describe(tidy(readers_and_model, metric="volume_difference_ml")).to_dict("records"):
        sample = readers_and_model[row["rater"]]
        low, high = scipy.stats.t.interval(0.95, len(sample) - 1, sample.mean(), scipy.stats.sem(sample))
        assert (row["low"], row["high"]) == pytest.approx((low, high))


@pytest.mark.parametrize("metric", ["dice", "hd95", "volume_difference_ml"])
def test_scans_of_a_patient_are_one_cluster(tidy, metric):
    """Two equal scans of each patient tell no more than one; a patient of one scan each, as no cluster does."""
    once = [0.9, 0.7, 0.85, 0.6, 0.75, 0.8]
    alone = describe(tidy({"model": once}, metric=metric)).iloc[0]
    twice = tidy({"model": [*once, *once]}, metric=metric)
    patients = [f"p{number}" for number in [*range(6), *range(6)]]
    both = describe(twice.assign(patient=patients), cluster="patient").iloc[0]
    assert (both["n"], both["mean"]) == (12, pytest.approx(alone["mean"]))
    assert both[["se", "low", "high"]].tolist() == pytest.approx(alone[["se", "low", "high"]].tolist())
    pd.testing.assert_frame_equal(describe(twice.assign(patient=twice["case"]), cluster="patient"), describe(twice))


def test_one_patient_alone_has_no_interval(tidy):
    """However many scans, nothing is known of other patients."""
    scores = tidy({"model": [0.9, 0.7, 0.8, 0.75, 0.6], "reader": [0.9, 0.8, 0.8, 0.7, 0.6]}).assign(patient="p")
    assert describe(scores, cluster="patient")[["se", "low", "high"]].isna().all(axis=None)


def test_describe_counts_every_kind_of_row(tidy):
    """Each status is counted under its own name, and together they are all of the rows."""
    scores = tidy({"model": [0.9, 0.0, 0.0, np.nan, np.nan, np.nan, np.nan, np.nan]})
    scores["status"] = [
        *("ok", "prediction_empty", "failed", "failed", "both_empty", "not_sampled", "not_assessed", "unsupported"),
    ]
    row = describe(scores).iloc[0]
    assert row["mean"] == pytest.approx(0.3)
    assert row[
        ["n", "negatives", "undefined", "penalised", "failed", "not_assessed", "unsupported", "rows"]
    ].to_list() == [
        *(3, 1, 1, 1, 2, 1, 1, 8),
    ]


@given(
    st.lists(
        st.sampled_from(
            [(0.5, "ok"), (0.0, "prediction_empty"), (0.0, "missing"), (0.0, "both_empty")]
            + [(math.nan, status) for status in sorted(STATUSES - {"ok"})]
        ),
        min_size=1,
    )
)
def test_describe_never_loses_a_row(cells):
    """Whatever mixture of values and statuses comes in, the counts add up to the number of rows."""
    scores = pd.DataFrame(cells, columns=["value", "status"]).assign(label="a", rater="m", metric="dice", unit="1")
    failed_without_value = int((scores["status"].isin(["missing", "failed"]) & scores["value"].isna()).sum())
    row = describe(scores).iloc[0]
    counts = row[["n", "undefined", "not_assessed", "unsupported"]].sum()
    assert counts + failed_without_value == row["rows"] == len(cells)


def test_describe_keeps_groups_without_values(tidy):
    """A group of undefined scores has a row with n 0, null statistics and its count, not none."""
    row = describe(tidy({"model": [np.nan, np.nan]})).iloc[0]
    assert (row["n"], row["undefined"]) == (0, 2)
    assert row[["mean", "sd", "se", "low", "high", "median"]].isna().all()


def test_describe_one_value_has_a_mean_and_no_spread(tidy):
    """One case gives a mean; SD, standard error and interval are null."""
    row = describe(tidy({"model": [0.8]})).iloc[0]
    assert row["mean"] == 0.8
    assert row[["sd", "se", "low", "high"]].isna().all()


def test_describe_separates_metrics_and_keeps_their_order(tidy):
    """Metrics are rows of their own with their unit, in the order in which they come."""
    both = pd.concat([tidy({"m": [1.0]}, metric="hd", unit="mm"), tidy({"m": [0.5]})])
    assert describe(both)[["metric", "unit", "mean"]].to_numpy().tolist() == [["hd", "mm", 1.0], ["dice", "1", 0.5]]


def test_describe_refuses_to_mix_references(tidy):
    """Scores on two references are an error unless the groups split on the reference."""
    both = pd.concat([tidy({"m": [1.0]}), tidy({"m": [0.5]}, reference="majority-without-reader1")])
    with pytest.raises(UsageError, match=r"2 values of reference \(majority, majority-without-reader1\)"):
        describe(both)
    assert len(describe(both, by=("label", "rater", "reference"))) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": ["high"]}, "must hold numbers"),
        ({"value": [math.inf]}, "infinite"),
        ({"value": [math.nan]}, "status ok and no value"),
        ({"status": ["fine"]}, "unknown status fine"),
        ({"status": ["unsupported"]}, "not assessed or unsupported"),
    ],
)
def test_scores_that_are_not_tidy_are_refused(tidy, change, message):
    """A value or status outside the contract is named in an error."""
    with pytest.raises(UsageError, match=message):
        describe(tidy({"m": [0.5]}).assign(**change))


def test_a_missing_column_is_named(tidy):
    """The error for an absent column names it."""
    with pytest.raises(UsageError, match="lack the column status"):
        describe(tidy({"m": [0.5]}).drop(columns="status"))


def test_overall_is_the_mean_over_structures_of_each_case(tidy):
    """Structures are averaged within a case; then describe gives the mean and SD over cases."""
    scores = pd.concat([tidy({"m": [0.8, 0.6]}, label="caudate"), tidy({"m": [0.4, 0.4]}, label="lentiform")])
    result = overall(scores, labels=["caudate", "lentiform"])
    assert list(result.columns) == list(scores.columns)
    assert result["value"].to_list() == pytest.approx([0.6, 0.5])
    assert set(result["label"]) == {"overall"}
    assert describe(result).iloc[0]["sd"] == pytest.approx(math.sqrt(0.005))


def test_overall_leaves_out_nulls_and_says_so(tidy):
    """An undefined structure does not count in its case's mean; a penalty does; the detail tells how many count."""
    scores = pd.concat(
        [tidy({"m": [0.8]}, label="a"), tidy({"m": [np.nan]}, label="b"), tidy({"m": [0.0]}, label="c")],
    )
    scores.loc[scores["label"] == "c", "status"] = "prediction_empty"
    row = overall(scores, labels=["a", "b", "c"]).iloc[0]
    assert (row["value"], row["status"], row["detail"]) == (0.4, "ok", "mean of 2 of 3 structures")


def test_overall_of_groups_is_the_callers_choice(tidy):
    """Only the labels that were asked for count, so that groups of structures are not counted twice."""
    scores = pd.concat([tidy({"m": [0.8]}, label="a"), tidy({"m": [0.2]}, label="group_of_a")])
    assert overall(scores, labels=["a"])["value"].to_list() == [0.8]


@pytest.mark.parametrize(("status", "value"), [("failed", 0.0), ("both_empty", np.nan), ("unsupported", np.nan)])
def test_overall_keeps_what_all_structures_say(tidy, status, value):
    """A case whose structures all failed, or are all undefined, has that status overall."""
    scores = pd.concat([tidy({"m": [0.5]}, label=label) for label in "ab"]).assign(value=value, status=status)
    row = overall(scores, labels=["a", "b"]).iloc[0]
    assert row["status"] == status
    assert describe(overall(scores, labels=["a", "b"])).iloc[0]["rows"] == 1


def test_overall_refuses_an_unknown_label(tidy):
    """A label that no score has is an error that offers the nearest."""
    with pytest.raises(UsageError, match="did you mean 'caudate'"):
        overall(tidy({"m": [0.5]}), labels=["caudat"])


def test_a_case_says_of_how_many_structures_its_own_mean_is():
    """A failed case, which comes first here, does not get the number of structures of another case."""
    rows = [
        ("c2", "z", "x", 0.0, "failed"),
        ("c2", "z", "y", 0.0, "failed"),
        ("c1", "a", "x", 0.5, "ok"),
        ("c1", "a", "y", math.nan, "both_empty"),
    ]
    scores = pd.DataFrame(rows, columns=["case", "rater", "label", "value", "status"]).assign(metric="dice")
    means = overall(scores, labels=["x", "y"], population="penalise")
    assert means[["case", "value", "status", "detail"]].values.tolist() == [
        ["c2", 0.0, "failed", "mean of 2 of 2 structures"],
        ["c1", 0.5, "ok", "mean of 1 of 2 structures"],
    ]


@pytest.mark.parametrize("clusters", [None, [0, 0, 1, 2, 2, 3, 4, 5, 5]])
@pytest.mark.parametrize("metric", ["dice", "hd95", "volume_difference_ml"])
def test_columns_are_described_like_groups(tidy, metric, clusters):
    """To the last digit, for any number of values: none, one, two, all."""
    values = np.random.default_rng(0).uniform(0.2, 0.9, (9, 6))
    values[np.tri(9, 6, dtype=bool)[::-1]] = np.nan
    values[:, 0] = np.nan
    rows = tidy({f"m{at}": column for at, column in enumerate(values.T)}, metric=metric)
    rows = rows if clusters is None else rows.assign(patient=np.tile(clusters, 6))
    expected = describe(rows, "rater", cluster=None if clusters is None else "patient")
    found = describe_columns(values, metric, None if clusters is None else np.array(clusters))
    assert (found["n"] == 0).sum() == 1
    pd.testing.assert_frame_equal(found, expected[list(found)], check_dtype=False, check_exact=True)
