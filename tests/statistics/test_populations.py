"""Which cases a mean counts: by hand, for every status and population."""

import numpy as np
import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.statistics import categorical_regression, describe, overall, paired_tests, populated, rank
from ctbench.statistics.populations import negatives

NAN = np.nan


@pytest.fixture
def heads(judged):
    """Two bleeds and two healthy heads: ``careful`` draws nothing there, ``eager`` does; ``broken`` fails twice."""
    return judged(
        {
            "careful": [("ok", 0.8), ("prediction_empty", 0.0), ("both_empty", NAN), ("both_empty", NAN)],
            "eager": [("ok", 0.8), ("ok", 0.6), ("reference_empty", 0.0), ("reference_empty", 0.0)],
            "broken": [("failed", 0.0), ("ok", 0.6), ("failed", 0.0), ("both_empty", NAN)],
        }
    )


@pytest.mark.parametrize(
    ("population", "careful", "eager", "broken"),
    [
        ("positives", (0.4, 2), (0.7, 2), (0.3, 2)),
        ("penalise", (0.4, 2), (0.35, 4), (0.2, 3)),
        ("full-marks", (0.7, 4), (0.35, 4), (0.4, 4)),
    ],
)
def test_a_mean_by_each_convention(heads, population, careful, eager, broken):
    """Over the positives all raters have the same n; the other conventions reward or punish healthy heads."""
    table = describe(heads, population=population).set_index("rater")
    for rater, (mean, n) in {"careful": careful, "eager": eager, "broken": broken}.items():
        assert table.loc[rater, "mean"] == pytest.approx(mean)
        assert table.loc[rater, "n"] == n
    assert (table["rows"] == 4).all()


def test_false_alarms_change_no_mean_test_or_rank(heads):
    """Whoever draws in healthy heads, or fails there, keeps the mean, the differences and the rank of the bleeds."""
    calm = heads.assign(
        status=heads["status"].mask(heads["case"].isin(["case2", "case3"]), "both_empty"),
        value=heads["value"].mask(heads["case"].isin(["case2", "case3"])),
    )
    for made in (
        lambda scores: describe(scores)[["rater", "n", "mean", "sd", "low", "high"]],
        lambda scores: paired_tests(scores, baseline="careful"),
        lambda scores: categorical_regression(scores, baseline="careful"),
        rank,
    ):
        pd.testing.assert_frame_equal(made(heads), made(calm))


def test_a_rank_by_another_convention(heads):
    """With full marks for empty heads, the careful rater overtakes the eager one."""
    first = {name: rank(heads, population=name).iloc[0]["rater"] for name in ("positives", "full-marks")}
    assert first == {"positives": "eager", "full-marks": "careful"}


def test_where_all_failed_the_reference_volume_decides(judged):
    """A case that every rater lost is a negative if the reference's volume is 0, else, or if unknown, a positive."""
    lost = {"a": [("failed", 0.0)] * 2, "b": [("missing", 0.0)] * 2}
    dice = judged(lost)
    volumes = judged({rater: [("failed", 0.0), ("failed", 7.0)] for rater in lost}, metric="reference_volume_ml")
    assert negatives(dice).tolist() == [False] * 4
    known = negatives(pd.concat([dice, volumes], ignore_index=True))
    assert known.tolist() == [True, False] * 4


def test_the_other_raters_say_that_a_lost_case_is_a_negative(heads):
    """``broken`` failed in a healthy head, which ``careful`` and ``eager`` reveal; and in a bleed."""
    own = heads[heads["rater"] == "broken"]
    assert negatives(heads)[own.index].tolist() == [False, False, True, True]


def test_distances_have_full_marks_at_zero(heads):
    """Both empty is distance 0 by ``full-marks``, and a volume has no best value."""
    empty = heads["status"] == "both_empty"
    for metric, best in (("hd95", 0.0), ("dice", 1.0), ("volume_ml", NAN)):
        found = populated(heads.assign(metric=metric), "full-marks").loc[empty, "value"]
        np.testing.assert_equal(found.to_numpy(), np.full(empty.sum(), best))


def test_a_case_mean_counts_the_structures_that_the_reference_holds(judged):
    """Overall of a bleed (.8) and a false alarm (0) of another type is .8, and of a healthy head null."""
    parts = [
        judged({"m": [("ok", 0.8), ("both_empty", NAN)]}, label="iph"),
        judged({"m": [("reference_empty", 0.0), ("both_empty", NAN)]}, label="ivh"),
    ]
    means = overall(pd.concat(parts, ignore_index=True), labels=["iph", "ivh"]).set_index("case")
    assert means.loc["case0", "value"] == pytest.approx(0.8)
    assert means.loc["case0", "detail"] == "mean of 1 of 2 structures"
    assert np.isnan(means.loc["case1", "value"])


def test_an_unknown_population_is_refused(heads):
    """The message lists the names."""
    with pytest.raises(UsageError, match="positives, penalise, full-marks"):
        populated(heads, "everything")


def test_rows_added_to_positives_are_judged_too(heads):
    """Scores that are positives already stay as they are; after other rows were added all are judged again."""
    once = populated(heads)
    assert populated(once) is once
    more = pd.concat([once, heads.assign(label="other")], ignore_index=True)
    assert populated(more)["negative"].tolist() == 2 * once["negative"].tolist()
