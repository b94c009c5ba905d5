"""One rater on two cohorts: Welch's test and the regression, against SciPy."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from ctbench.errors import UsageError
from ctbench.statistics import cohort_tests

FIRST, SECOND = [0.81, 0.75, 0.9, 0.62], [0.9, 0.92, 0.88, 0.95, 0.91]


def _scores(samples, **columns):
    rows = [
        {"cohort": name, "dataset": name, "reference": f"of {name}", "case": f"case{index}", "value": value}
        for name, values in samples.items()
        for index, value in enumerate(values)
    ]
    same = {"rater": "unet", "label": "caudate", "metric": "dice", "status": "ok"}
    return pd.DataFrame(rows).assign(**same | columns)


def test_p_values_are_those_of_scipy():
    """Welch's p and interval, and the regression's p (Student's with two groups), whatever the references' names."""
    row = cohort_tests(_scores({"ward": FIRST, "clinic": SECOND}), baseline="clinic").iloc[0]
    welch = scipy.stats.ttest_ind(FIRST, SECOND, equal_var=False)
    interval = welch.confidence_interval()
    assert row["p"] == pytest.approx(welch.pvalue)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert row["p_regression"] == pytest.approx(scipy.stats.ttest_ind(FIRST, SECOND).pvalue)
    assert row["difference"] == pytest.approx(np.mean(FIRST) - np.mean(SECOND))
    assert (row["cohort"], row["n"], row["n_baseline"], row["higher"]) == ("ward", 4, 5, "clinic")


def test_asterisks_of_the_two_tests_may_differ():
    """Here the regression sees a difference that Welch's test, with its few degrees of freedom, does not."""
    row = cohort_tests(_scores({"ward": FIRST, "clinic": SECOND}), baseline="clinic").iloc[0]
    assert row["p_regression"] < 0.05 < row["p"]
    assert (row["better"], row["better_regression"]) == ("", "clinic")


def test_scans_of_one_patient_are_one_value():
    """Five scans of three patients are three values."""
    scores = _scores({"ward": FIRST, "clinic": SECOND})
    scores["patient"] = ["a", "b", "c", "d", "a", "a", "a", "b", "c"]
    row = cohort_tests(scores, baseline="clinic").iloc[0]
    assert row["n_baseline"] == 3
    means = [np.mean(SECOND[:3]), *SECOND[3:]]
    assert row["p"] == pytest.approx(scipy.stats.ttest_ind(FIRST, means, equal_var=False).pvalue)


def test_cohorts_that_share_a_patient_are_refused():
    """Two splits of one dataset may not hold one case twice: the samples would not be independent."""
    with pytest.raises(UsageError, match="4 patients are in more than one cohort, first case0"):
        cohort_tests(_scores({"ward": FIRST, "clinic": SECOND}, dataset="one"), baseline="clinic")


def test_cases_that_were_not_assessed_are_left_out():
    """A central sulcus that nobody can identify is in no mean; without any value there is no test, with a reason."""
    scores = _scores({"ward": FIRST, "clinic": SECOND})
    scores.loc[:1, ["value", "status"]] = [np.nan, "not_assessed"]
    assert cohort_tests(scores, baseline="clinic").iloc[0]["n"] == 2
    scores.loc[:3, ["value", "status"]] = [np.nan, "not_assessed"]
    row = cohort_tests(scores, baseline="clinic").iloc[0]
    assert (row["n"], row["reason"]) == (0, "no values of ward")
    assert np.isnan(row["p"])
    assert np.isnan(row["p_regression"])


def test_one_patient_has_no_spread():
    """A cohort of one patient has a mean and a difference, but no test."""
    row = cohort_tests(_scores({"ward": [0.5], "clinic": SECOND}), baseline="clinic").iloc[0]
    assert row["difference"] == pytest.approx(0.5 - np.mean(SECOND))
    assert np.isnan(row["p"])
    assert row["reason"] == "fewer than two patients in a cohort"


def test_holm_is_over_the_structures_without_their_mean():
    """Two structures with one p each: the smaller is doubled; the mean over structures has none."""
    scores = _scores({"ward": FIRST, "clinic": SECOND})
    both = pd.concat([scores, scores.assign(label="ventricles"), scores.assign(label="overall")])
    table = cohort_tests(both, baseline="clinic").set_index("label")
    assert table.loc["caudate", "p_holm"] == pytest.approx(2 * table.loc["caudate", "p"])
    assert np.isnan(table.loc["overall", "p_holm"])


def test_unknown_baseline_and_two_references_are_refused():
    """A cohort's scores are on one reference."""
    scores = _scores({"ward": FIRST, "clinic": SECOND})
    with pytest.raises(UsageError, match="unknown cohort 'clinik'; did you mean 'clinic'"):
        cohort_tests(scores, baseline="clinik")
    scores.loc[0, "reference"] = "another"
    with pytest.raises(UsageError, match="2 values of reference"):
        cohort_tests(scores, baseline="clinic")
