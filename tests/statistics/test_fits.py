"""The variants of the regression that know of cases."""

import numpy as np
import pytest
import scipy.stats

from ctbench.statistics import categorical_regression
from ctbench.statistics.fits import fit_raters


@pytest.fixture
def shared_cases(tidy):
    """A model and two readers on 30 cases that differ far more than the raters do."""
    rng = np.random.default_rng(8)
    case = rng.normal(0.8, 0.1, 30)
    return tidy(
        {
            name: case + shift + rng.normal(0, 0.02, 30)
            for name, shift in (("model", 0), ("reader1", 0.02), ("reader2", 0))
        }
    )


def test_two_raters_mixed_is_the_paired_t_test(shared_cases):
    """For two raters on the same cases the mixed model gives the difference, error and degrees of the paired t test."""
    pair = shared_cases[shared_cases["rater"] != "reader2"]
    values = pair.pivot_table(index="case", columns="rater", values="value")
    expected = scipy.stats.ttest_rel(values["reader1"], values["model"])
    row = categorical_regression(pair, baseline="model", variant="mixed").iloc[0]
    interval = expected.confidence_interval()
    assert row["p"] == pytest.approx(expected.pvalue, rel=1e-3)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), rel=1e-3)


def test_balanced_mixed_model_is_the_two_way_analysis(shared_cases):
    """With three raters, the error is that of the residual mean square of the two-way layout."""
    table = shared_cases.pivot_table(index="case", columns="rater", values="value").to_numpy()
    residual = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    error = np.sqrt(2 * (residual**2).sum() / (29 * 2) / 30)
    row = categorical_regression(shared_cases, baseline="model", variant="mixed").iloc[0]
    assert row["high"] - row["difference"] == pytest.approx(scipy.stats.t.ppf(0.975, 58) * error, rel=1e-3)


def test_clustered_errors_by_hand(shared_cases):
    """Clustered by case, the variance of the difference is the sandwich of the cases' summed residuals."""
    pair = shared_cases[shared_cases["rater"] != "reader2"]
    table = pair.pivot_table(index="case", columns="rater", values="value").to_numpy()
    summed = ((table - table.mean(axis=0)) * [-1, 1]).sum(axis=1) / 30  # each case's pull on the difference
    error = np.sqrt((summed**2).sum() * (30 / 29) * (59 / 58))
    row = categorical_regression(pair, baseline="model", variant="clustered").iloc[0]
    assert row["high"] - row["difference"] == pytest.approx(scipy.stats.t.ppf(0.975, 29) * error)


def test_cases_that_differ_make_the_plain_test_blind(shared_cases):
    """A reader who is .02 better in cases of spread .1 is missed by the pooled test and found by the other two."""
    p = {
        variant: categorical_regression(shared_cases, baseline="model", variant=variant).set_index("rater")["p"][
            "reader1"
        ]
        for variant in ("pooled", "clustered", "mixed")
    }
    assert p["pooled"] > 0.2
    assert max(p["clustered"], p["mixed"]) < 0.01


def test_the_difference_is_the_same_for_all_when_balanced(shared_cases):
    """All variants estimate the same difference when every rater has every case."""
    first, *others = (
        categorical_regression(shared_cases, baseline="model", variant=variant)["difference"].to_numpy()
        for variant in ("pooled", "clustered", "mixed")
    )
    for other in others:
        assert other == pytest.approx(first)


@pytest.mark.parametrize("variant", ["clustered", "mixed"])
def test_one_case_or_constant_differences_say_why(tidy, variant):
    """One case, raters without a common case, and raters who differ by a constant have null p and a reason."""
    constant = tidy({"model": [0.25, 0.5, 0.75], "reader1": [0.5, 0.75, 1.0]})
    single = tidy({"model": [0.5], "reader1": [0.6]})
    for scores in (constant, single):
        row = categorical_regression(scores, baseline="model", variant=variant).iloc[0]
        assert np.isnan(row["p"])
        assert row["reason"]


def test_unbalanced_mixed_model_recovers_the_within_case_difference(tidy):
    """Cases that only one rater read shift its mean, not the mixed model's difference."""
    rng = np.random.default_rng(3)
    case = np.concatenate([rng.normal(0.9, 0.02, 20), rng.normal(0.4, 0.02, 20)])
    reader = case + 0.03 + rng.normal(0, 0.005, 40)
    model = np.where(np.arange(40) < 20, case + rng.normal(0, 0.005, 40), np.nan)
    row = categorical_regression(tidy({"model": model, "reader1": reader}), baseline="model", variant="mixed").iloc[0]
    assert row["difference"] == pytest.approx(0.03, abs=0.005)
    assert reader.mean() - np.nanmean(model) < -0.1


def test_mixed_model_with_missing_scores_is_lme4_s():
    """The standard error of generalised least squares, where the joint Hessian of statsmodels is 13.5 % off."""
    values = np.array([0.63670, 0.76193, 0.82074, 0.77163, 0.92086, 0.75806, 0.80085, 0.79779])
    raters, cases = np.array([0, 1, 0, 1, 1, 0, 1, 1]), np.array([0, 0, 1, 1, 2, 3, 3, 4])
    fit = fit_raters(values, raters, cases, "mixed")
    assert fit.errors[0] == pytest.approx(0.04996, abs=5e-6)
