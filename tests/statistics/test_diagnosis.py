import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from ctbench.errors import UsageError
from ctbench.statistics import detection, detection_table, predictive_values, roc_auc, roc_curve

# Ratings of 109 CT images, 58 normal and 51 not, from 1 to 5: Hanley and McNeil, Radiology 1982;143:29-36, Table I.
NORMAL = np.repeat([1, 2, 3, 4, 5], [33, 6, 6, 11, 2])
ABNORMAL = np.repeat([1, 2, 3, 4, 5], [3, 2, 2, 11, 33])
TRUTH = np.repeat([0, 1], [len(NORMAL), len(ABNORMAL)])
RATINGS = np.concatenate([NORMAL, ABNORMAL])

CASES = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40)


def test_hanley_and_mcneil():
    """Area .893 as printed in 1982; DeLong's interval .83295 to .95339 as Stata's manual (roctab) prints."""
    estimate = roc_auc(TRUTH, RATINGS, interval="delong")
    assert round(estimate.value, 3) == 0.893
    assert (estimate.low, estimate.high) == pytest.approx((0.83295, 0.95339), abs=5e-6)


def test_area_is_the_mann_whitney_statistic():
    """The area is U over the number of pairs, with ties."""
    u = scipy.stats.mannwhitneyu(ABNORMAL, NORMAL).statistic
    assert roc_auc(TRUTH, RATINGS).value == pytest.approx(u / (58 * 51))


def test_interval_by_hand():
    """DeLong's variance from the placements of each case, one by one."""
    wins = (ABNORMAL[:, None] > NORMAL) + 0.5 * (ABNORMAL[:, None] == NORMAL)
    variance = wins.mean(axis=1).var(ddof=1) / 51 + wins.mean(axis=0).var(ddof=1) / 58
    estimate = roc_auc(TRUTH, RATINGS, interval="delong")
    assert estimate.high - estimate.value == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-6)


def test_newcombe_s_ends_are_z_standard_errors_away():
    """At either end the estimate is 1.96 standard errors off, by the variance of exponential scores at that end."""
    estimate = roc_auc(TRUTH, RATINGS)
    for end in (estimate.low, estimate.high):
        spread = 1 + ((58 + 51) / 2 - 1) * ((1 - end) / (2 - end) + end / (1 + end))
        assert abs(estimate.value - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) * spread / (58 * 51)))


def test_a_perfect_area_of_few_cases_is_not_sure():
    """Three positive and 21 negative cases, all in order: .67 to 1, where DeLong says 1 to 1."""
    truth, score = [1] * 3 + [0] * 21, [2.0] * 3 + [1.0] * 21
    estimate = roc_auc(truth, score)
    assert (estimate.value, round(estimate.low, 2), estimate.high) == (1.0, 0.67, 1.0)
    reverse = roc_auc(truth, [-value for value in score])
    assert (reverse.value, reverse.low, round(reverse.high, 2)) == (0.0, 0.0, 0.33)
    delong = roc_auc(truth, score, interval="delong")
    assert (delong.low, delong.high) == (1.0, 1.0)


def test_one_case_of_a_kind_has_newcombe_s_interval_and_not_delong_s():
    """A single positive case among ten says little, and that much can be said."""
    truth, score = [1] + [0] * 10, [0.9] + [0.1] * 10
    estimate = roc_auc(truth, score)
    assert 0 < estimate.low < 0.6
    assert math.isnan(roc_auc(truth, score, interval="delong").low)


def test_lost_cases_are_wrongly_called():
    """Four failed cases, two of them positive: all four count, none rightly, and the area is 0."""
    result = detection([1, 1, 0, 0], [math.nan] * 4, lost=[True] * 4)
    assert (result.n, result.sensitivity, result.specificity, result.auc) == (4, 0, 0, 0)
    result = detection([1, 0, 0], [0.9, 0.1, 0.1], lost=[False, False, True])
    assert (result.n, result.sensitivity, result.specificity, result.auc) == (3, 1, 0.5, 0.5)


def test_shares_by_hand():
    """Four kinds of calls and the shares that follow; a score at the threshold is positive."""
    result = detection([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], [0.9, 0.8, 0.5, 0.1, 0.7, 0.2, 0.1, 0.0, 0.4, 0.3])
    calls = (result.true_positive, result.false_negative, result.false_positive, result.true_negative)
    assert calls == (3, 1, 1, 5)
    assert (result.accuracy, result.sensitivity, result.specificity) == (0.8, 0.75, 5 / 6)
    assert (result.ppv, result.npv, result.prevalence) == (0.75, 5 / 6, 0.4)
    assert result.balanced_accuracy == pytest.approx((0.75 + 5 / 6) / 2)
    assert (result.balanced_ppv, result.balanced_npv) == pytest.approx(
        (0.75 / (0.75 + 1 / 6), (5 / 6) / (5 / 6 + 0.25))
    )


def test_balanced_shares_are_those_of_a_balanced_set():
    """On a set with as many positive as negative cases, the balanced shares are the plain ones."""
    result = detection([1] * 8 + [0] * 8, [0.9] * 7 + [0.1] + [0.9] * 2 + [0.1] * 6)
    assert result.balanced_accuracy == pytest.approx(result.accuracy)
    assert (result.balanced_ppv, result.balanced_npv) == pytest.approx((result.ppv, result.npv))


def test_balanced_interval_covers():
    """The interval of the balanced accuracy covers the truth in 1,000 samples, within chance."""
    rng, hits = np.random.default_rng(4), 0
    truth = np.repeat([1, 0], [40, 300])
    right = np.where(truth == 1, 0.9, 0.8)
    for _ in range(1000):
        called = np.where(rng.random(340) < right, truth, 1 - truth)
        result = detection(truth, called)
        hits += result.balanced_accuracy_low <= 0.85 <= result.balanced_accuracy_high
    assert 933 <= hits <= 975


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_predictive_values_obey_bayes(sensitivity, specificity, prevalence):
    """The share of positive calls that are right, times all positive calls, gives back the true positives."""
    ppv, npv = predictive_values(sensitivity, specificity, prevalence=prevalence)
    called = sensitivity * prevalence + (1 - specificity) * (1 - prevalence)
    assert ppv * called == pytest.approx(sensitivity * prevalence)
    assert npv * (1 - called) == pytest.approx(specificity * (1 - prevalence))


def test_strata_share_the_negative_cases():
    """Each type has its own positives and all negatives, so that specificity is the same."""
    cases = pd.DataFrame(
        {"truth": [1, 1, 1, 0, 0], "score": [0.9, 0.2, 0.8, 0.6, 0.1], "type": ["iph", "iph", "sah", None, None]}
    )
    table = detection_table(cases, by="type").set_index("type")
    assert table["sensitivity"].to_dict() == {"iph": 0.5, "sah": 1.0}
    assert table["specificity"].to_list() == [0.5, 0.5]
    assert table["n"].to_list() == [4, 3]


def test_strata_must_fit_the_truth():
    """A positive case without a stratum, or an absent column, is an error."""
    cases = pd.DataFrame({"truth": [1, 0], "score": [0.9, 0.1], "type": [None, None]})
    with pytest.raises(UsageError, match="expected a type for positive cases only; 1 cases differ"):
        detection_table(cases, by="type")
    with pytest.raises(UsageError, match="no column size"):
        detection_table(cases, by="size")


def test_nan_scores_are_left_out_and_counted():
    """A case without a score changes nothing but the count."""
    whole, holed = detection([1, 0], [0.9, 0.1]), detection([1, 0, 1], [0.9, 0.1, math.nan])
    assert (holed.n, holed.left_out) == (2, 1)
    assert holed.sensitivity == whole.sensitivity


@pytest.mark.parametrize(
    ("truth", "reason"),
    [
        ([1, 1], "positive and negative cases"),
        ([0, 0], "positive and negative cases"),
    ],
)
def test_what_cannot_be_had_says_why(truth, reason):
    """Without positive or negative cases there is no ROC curve."""
    result = detection(truth, [0.9, 0.1])
    assert reason in result.reason
    assert math.isnan(result.auc_low)


def test_no_cases_at_all():
    """An empty set has counts of 0 and no shares."""
    result = detection([], [])
    assert result.n == 0
    assert math.isnan(result.accuracy)


@pytest.mark.parametrize(
    "call",
    [
        lambda: detection([2, 0], [0.1, 0.2]),
        lambda: detection([1], [0.1, 0.2]),
        lambda: detection([1, 0], [math.inf, 0]),
        lambda: predictive_values(0.9, 0.9, prevalence=1.5),
    ],
)
def test_impossible_cases_are_refused(call):
    """A truth that is not 0 or 1, different lengths, infinite scores and odd prevalences are errors."""
    with pytest.raises(UsageError):
        call()


def test_roc_curve_by_hand():
    """Two positive, two negative cases, one tie."""
    curve = roc_curve([0, 1, 0, 1], [0.1, 0.9, 0.4, 0.4])
    assert curve["threshold"].tolist() == [np.inf, 0.9, 0.4, 0.1]
    assert curve["false_positive_rate"].tolist() == [0.0, 0.0, 0.5, 1.0]
    assert curve["sensitivity"].tolist() == [0.0, 0.5, 1.0, 1.0]


@given(CASES)
def test_the_area_under_the_roc_curve_is_the_auc(cases):
    """Trapezoids under the curve make Mann and Whitney's share, ties included; it never falls."""
    truth, score = (np.array(column) for column in zip(*cases, strict=True))
    curve = roc_curve(truth, score)
    if truth.all() or not truth.any():
        assert curve.empty
        return
    x, y = curve["false_positive_rate"].to_numpy(), curve["sensitivity"].to_numpy()
    area = np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)
    assert area == pytest.approx(roc_auc(truth, score).value)
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) >= 0).all()


def test_missing_scores_are_left_out_of_the_roc_curve():
    """A case without a score changes nothing."""
    assert roc_curve([0, 1, 1], [0.2, 0.7, np.nan]).equals(roc_curve([0, 1], [0.2, 0.7]))


def test_a_truth_is_yes_or_no():
    """Anything else is refused."""
    with pytest.raises(UsageError, match="must be 0 or 1"):
        roc_curve([0, 2], [0.1, 0.2])
