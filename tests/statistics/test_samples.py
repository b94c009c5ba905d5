import math

import numpy as np
import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.statistics.samples import pairings, samples, wide


@pytest.fixture
def gaps(tidy):
    """Three raters on four cases; b lacks the second case, c everything."""
    return tidy({"b": [0.5, math.nan, 0.7, 0.8], "a": [0.4, 0.6, 0.7, 0.9], "c": [math.nan] * 4})


def test_a_table_has_a_column_for_each_rater(gaps):
    """Raters keep their order, cases are the rows, and NaN stays."""
    table = wide(gaps)
    assert list(table.columns) == ["b", "a", "c"]
    assert table["a"].tolist() == [0.4, 0.6, 0.7, 0.9]
    assert table["b"].isna().tolist() == [False, True, False, False]


def test_two_scores_of_one_rater_for_one_case_are_refused(gaps):
    """The rater and the case are named."""
    with pytest.raises(UsageError, match=r"'b'.*'case0'"):
        wide(pd.concat([gaps, gaps.head(1)]))


def test_differences_are_rater_minus_baseline(gaps):
    """Over the cases in which both have a value; the scores of the others are counted."""
    found = {one.rater: one for one in pairings(gaps, baseline="a", by=["label"])}
    assert found.keys() == {"b", "c"}
    np.testing.assert_allclose(found["b"].differences, [0.1, 0.0, -0.1])
    assert found["b"].differences[1] == 0.0
    assert found["b"].rows_left_out == 2
    assert (len(found["c"].differences), found["c"].rows_left_out) == (0, 8)
    assert found["b"].head == {"label": "caudate"}


def test_groups_are_compared_apart(tidy):
    """Each has its own differences; without groups there is one."""
    both = pd.concat([tidy({"a": [0.1], "b": [0.3]}), tidy({"a": [0.5], "b": [0.4]}, label="ventricles")])
    found = [(one.head["label"], one.differences.tolist()) for one in pairings(both, baseline="a", by=["label"])]
    assert found == [("caudate", [pytest.approx(0.2)]), ("ventricles", [pytest.approx(-0.1)])]
    (whole,) = pairings(both, baseline="a", by=[], keys=("case", "label"))
    assert whole.head == {}
    assert len(whole.differences) == 2


def test_an_unknown_baseline_and_two_metrics_are_refused(tidy):
    """Both are named."""
    scores = tidy({"a": [0.1], "b": [0.3]})
    with pytest.raises(UsageError, match="'x'"):
        list(pairings(scores, baseline="x", by=[]))
    with pytest.raises(UsageError, match="metric"):
        list(pairings(pd.concat([scores, tidy({"a": [1.0]}, metric="hd95")]), baseline="a", by=[]))


def test_a_sample_has_the_cases_of_all_raters(gaps):
    """A rater without any value excludes no case, one without some values excludes those."""
    ((head, sample),) = samples(gaps, by=["label"], cluster=None, direction=None)
    assert head == {"label": "caudate"}
    assert (sample.raters, sample.absent) == (["b", "a"], ["c"])
    np.testing.assert_allclose(sample.values, [[0.5, 0.4], [0.7, 0.7], [0.8, 0.9]])
    assert (sample.left_out, sample.sign) == (1, 1)
    assert sample.clusters.tolist() == [0, 1, 2]


def test_lower_is_turned_round(gaps):
    """Values are multiplied by -1, so that higher is better always."""
    ((_, sample),) = samples(gaps, by=["label"], cluster=None, direction="lower")
    assert sample.sign == -1
    assert (sample.values < 0).all()


def test_cases_of_one_patient_are_one_cluster(gaps):
    """Clusters are numbered in the order of the cases."""
    patients = gaps["case"].map({"case0": "p", "case1": "q", "case2": "q", "case3": "p"})
    ((_, sample),) = samples(gaps.assign(patient=patients), by=["label"], cluster="patient", direction=None)
    assert sample.clusters.tolist() == [0, 1, 0]


def test_a_metric_without_a_direction_is_refused(tidy):
    """Nobody ranks by a volume, unless it is said which way it is good."""
    volumes = tidy({"a": [1.0, 2.0], "b": [2.0, 3.0]}, metric="volume_ml", unit="mL")
    with pytest.raises(UsageError, match="volume_ml"):
        list(samples(volumes, by=["label"], cluster=None, direction=None))
    assert len(list(samples(volumes, by=["label"], cluster=None, direction="lower"))) == 1
