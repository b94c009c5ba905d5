"""Cohorts of one model: datasets with references of different names, and subgroups of cases."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from ctbench.datasets import Dataset
from ctbench.errors import UsageError
from ctbench.report.frames import cohorts as frames
from ctbench.report.frames.comparable_runs import gather


@pytest.fixture
def two(small_runs):
    """Cohorts of two datasets; the references are the majority of three readers and one reader's masks."""
    one_reader = {"majority": "given", **{f"majority-without-reader{k}": f"without-{k}" for k in (1, 2, 3)}}

    def elsewhere(scores):
        scores = scores[scores["reference"] == "majority"]
        return scores.assign(dataset="ward", reference=scores["reference"].map(one_reader), value=scores["value"] * 0.9)

    here = small_runs(raters=("unet",))
    there = small_runs(raters=("unet",), edit=elsewhere, dataset="ward")
    return frames.cohorts_of(gather([*here, *there]))


def test_references_may_have_different_names(two):
    """Each cohort keeps its own reference; means and P are those of NumPy and SciPy on the cohorts' values."""
    scores = frames.cohort_scores(two, "unet", "dice")
    table = frames.cohort_table(scores, baseline="toy")
    assert table["reference"].unique().tolist() == ["majority", "given"]
    rows = table[table["label"] == "caudate"].set_index("cohort")
    values = {name: own["value"].dropna() for name, own in scores[scores["label"] == "caudate"].groupby("cohort")}
    assert rows.loc["ward", "mean"] == pytest.approx(np.mean(values["ward"]))
    assert rows.loc["ward", "p"] == pytest.approx(
        scipy.stats.ttest_ind(values["ward"], values["toy"], equal_var=False).pvalue
    )
    assert np.isnan(rows.loc["toy", "p"])
    assert table["label"].unique().tolist() == ["caudate", "ventricles", "overall"]


def test_the_printed_overall_is_a_mean_of_means(two):
    """Cai's overall row averages the structures' means and SDs; ours is over cases, with a smaller SD."""
    table = frames.cohort_table(frames.cohort_scores(two, "unet", "dice"), baseline="toy")
    printed = frames.printed_overall(table).set_index("cohort")
    own = table[(table["cohort"] == "toy")].set_index("label")
    assert printed.loc["toy", "mean"] == pytest.approx(own.loc[["caudate", "ventricles"], "mean"].mean())
    assert printed.loc["toy", "sd"] == pytest.approx(own.loc[["caudate", "ventricles"], "sd"].mean())
    assert own.loc["overall", "sd"] < printed.loc["toy", "sd"]


def test_asterisks_stand_at_the_better_cohort(two):
    """The worse cohort's boxes have no mark; a mark is there exactly where the regression finds a difference."""
    scores = frames.cohort_scores(two, "unet", "dice")
    table = frames.cohort_table(scores, baseline="toy")
    boxes = frames.cohort_boxes(scores, table).set_index(["label", "rater"])["mark"]
    better = table[table["cohort"] == "ward"].set_index("label")["better_regression"]
    assert boxes["caudate", "ward"] == ""
    assert boxes["ventricles", "ward"] == ""
    assert better["ventricles"] == "toy"
    assert boxes["ventricles", "toy"] == "*"


def test_subgroups_are_cohorts(results, dataset):
    """A column of the case table parts the cases; an unknown column is refused with those that there are."""
    parted = [replace(case, subgroups={"scanner": "AAB"[index % 3]}) for index, case in enumerate(dataset)]
    known = Dataset(dataset.name, dataset.entry, dataset.root, tuple(parted))
    groups = frames.subgroup_cohorts(results, known, "scanner")
    assert [(one.name, one.size) for one in groups] == [("A", 8), ("B", 4)]
    table = frames.cohort_table(frames.cohort_scores(groups, "unet", "dice"), baseline="A")
    assert table[table["label"] == "ventricles"]["n"].tolist() == [8, 4]
    with pytest.raises(UsageError, match=r"no column 'scaner'; its columns: scanner"):
        frames.subgroup_cohorts(results, known, "scaner")


def test_a_metric_that_one_cohort_lacks_is_refused(two):
    """The message names the cohorts without it."""
    with pytest.raises(UsageError, match="no scores of masd on toy, ward"):
        frames.cohort_scores(two, "unet", "masd")


def test_models_of_all_cohorts(two):
    """A model that is on one cohort only cannot be compared."""
    assert frames.shared_models(two) == ("unet",)
