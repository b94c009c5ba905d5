import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

from ctbench.errors import UsageError
from ctbench.statistics import (
    leave_one_out_tests,
    paired_differences,
    paired_tests,
    pooled_wilcoxon,
    significance_matrix,
)
from ctbench.statistics.paired import one_sided_p


@pytest.mark.parametrize("test", ["t", "wilcoxon"])
def test_agrees_with_scipy(tidy, readers_and_model, test):
    """Each p is scipy's paired test, the difference the mean difference, its interval that of the paired t test."""
    model = readers_and_model["model"]
    for row in paired_tests(tidy(readers_and_model), baseline="model", test=test).to_dict("records"):
        sample = readers_and_model[row["rater"]]
        by_t = scipy.stats.ttest_rel(sample, model)
        p = by_t.pvalue if test == "t" else scipy.stats.wilcoxon(sample, model).pvalue
        interval = by_t.confidence_interval()
        assert row["p"] == pytest.approx(p)
        assert (row["difference"], row["low"], row["high"]) == pytest.approx(
            ((sample - model).mean(), interval.low, interval.high)
        )


def test_smallest_exact_p_by_hand(tidy):
    """Six cases that all favour the reader: p is 2 / 2^6."""
    scores = tidy({"model": np.zeros(6), "reader1": np.arange(1, 7) / 10})
    row = paired_tests(scores, baseline="model").iloc[0]
    assert row["p"] == pytest.approx(2 / 64)
    assert row["better"] == "reader1"


def test_cases_without_a_partner_are_counted(tidy):
    """A null in either rater takes the pair out, and the scores left alone are counted."""
    scores = tidy({"model": [0.1, 0.2, np.nan, 0.5], "reader1": [0.2, np.nan, 0.4, 0.9, 0.8]})
    row = paired_tests(scores, baseline="model", test="t").iloc[0]
    assert (row["n"], row["rows_used"], row["rows_left_out"]) == (2, 4, 5)


@pytest.mark.parametrize(
    ("model", "reader", "test", "reason"),
    [
        ([0.5, 0.6], [0.5, 0.6], "wilcoxon", "all differences are 0"),
        ([0.25, 0.5], [0.5, 0.75], "t", "all differences are equal"),
        ([0.5, 0.6], [0.6, np.nan], "wilcoxon", "1 case with"),
        ([0.5, 0.6], [np.nan, np.nan], "t", "0 cases with"),
    ],
)
def test_what_cannot_be_tested_says_why(tidy, model, reader, test, reason):
    """Too few or equal differences give null p with a reason."""
    row = paired_tests(tidy({"model": model, "reader1": reader}), baseline="model", test=test).iloc[0]
    assert np.isnan(row["p"])
    assert reason in row["reason"]


def test_two_scores_for_one_case_are_refused(tidy):
    """A rater with two labels in one group is an error that names the case."""
    scores = pd.concat([tidy({"model": [0.1], "reader1": [0.2]}, label=label) for label in "ab"])
    with pytest.raises(UsageError, match="two scores for case 'case0'"):
        paired_tests(scores, baseline="model", by=())


def test_round_off_undoes_neither_ties_nor_zeros(tidy):
    """Differences of .1 that floating point makes unequal are ties, and .3 - (.1 + .2) is no difference."""
    scores = tidy({"model": [0.1, 0.2, 0.7, 0.3], "reader1": [0.2, 0.3, 0.8, 0.1 + 0.2]})
    row = paired_tests(scores, baseline="model").iloc[0]
    assert row["p"] == pytest.approx(scipy.stats.wilcoxon([1, 1, 1, 0]).pvalue)
    assert "equal" in paired_tests(scores.query("case != 'case3'"), baseline="model", test="t").iloc[0]["reason"]


def test_pooling_structures_is_called_what_it_is(tidy):
    """The test over structures x subjects uses all pairs and says so; that over subjects uses the means."""
    rng = np.random.default_rng(1)
    subject = rng.normal(0.02, 0.03, 8)  # one difference for each subject, shared by its structures
    scores = pd.concat(
        [
            tidy({"model": np.full(8, 0.8), "reader1": 0.8 + subject + rng.normal(0, 0.001, 8)}, label=label)
            for label in "abcdef"
        ]
    )
    table = pooled_wilcoxon(scores, baseline="model", labels=list("abcdef")).set_index("unit")
    assert table["n"].to_list() == [8, 48]
    assert table.loc["structure x subject (pseudo-replicated)", "p"] < table.loc["subject", "p"] / 100


@pytest.mark.parametrize(("metric", "worst"), [("dice", "case2"), ("hd95", "case0"), ("volume_difference_ml", "case2")])
def test_side_by_side_worst_first(tidy, metric, worst):
    """The case in which the second loses most comes first, by the direction of the metric; nulls come last."""
    scores = tidy({"a": [0.5, 0.5, 0.9, 0.5], "b": [0.7, 0.6, 0.1, np.nan]}, metric=metric)
    table = paired_differences(scores, first="a", second="b")
    assert table["case"].iloc[0] == worst
    assert table["case"].iloc[-1] == "case3"
    assert table.set_index("case").loc["case2", "difference"] == pytest.approx(-0.8)


def test_side_by_side_needs_two_known_raters(tidy):
    """An unknown rater, or the same one twice, is an error."""
    with pytest.raises(UsageError, match="unknown rater 'c'"):
        paired_differences(tidy({"a": [0.5], "b": [0.5]}), first="a", second="c")
    with pytest.raises(UsageError, match="twice"):
        paired_differences(tidy({"a": [0.5], "b": [0.5]}), first="a", second="a")


def test_significance_matrix_agrees_with_scipy(three):
    """Each p is scipy's one-sided signed-rank test, adjusted by Holm over all ordered pairs."""
    matrix = significance_matrix(three)
    values = three.pivot_table(index="case", columns="rater", values="value")
    raw = {
        (a, b): scipy.stats.wilcoxon(
            values[a], values[b], alternative="greater", method="asymptotic", correction=False
        ).pvalue
        for a in "abc"
        for b in "abc"
        if a != b
    }
    running = 0.0
    for step, pair in enumerate(sorted(raw, key=raw.get)):
        running = max(running, min(raw[pair] * (6 - step), 1))
        assert matrix.loc[pair] == pytest.approx(running)


def test_significance_with_ties_and_zeros_agrees_with_scipy(tidy):
    """Tied and zero differences of many cases are treated as scipy's large-sample test treats them."""
    a, b = np.tile([1, 2, 2, 3, 4, 5, 5, 3], 4), np.tile([1, 1, 3, 2, 2, 4, 6, 5], 4)
    p = scipy.stats.wilcoxon(a, b, alternative="greater", method="asymptotic", correction=False).pvalue
    assert significance_matrix(tidy({"a": a / 10, "b": b / 10})).loc["a", "b"] == pytest.approx(2 * p)


def test_raters_without_values_stay_in_the_matrix(tidy):
    """A rater without any value has a row and a column of nulls, and leaves the others as they are."""
    values = {"a": [0.9, 0.8, 0.7], "b": [0.5, 0.6, 0.4]}
    whole = significance_matrix(tidy(values))
    wider = significance_matrix(tidy(values | {"none": [np.nan] * 3}))
    assert wider.loc["none"].isna().all()
    pd.testing.assert_frame_equal(wider.loc[["a", "b"], ["a", "b"]], whole)


def test_labels_are_not_mixed(three):
    """Several labels are an error."""
    with pytest.raises(UsageError, match="label"):
        significance_matrix(pd.concat([three, three.assign(label="lentiform")]))


@pytest.fixture
def on_own_references(tidy):
    """Three readers and a model on the references without each reader; two cases are of one patient."""
    rng = np.random.default_rng(3)
    parts = []
    for reader, shift in (("reader1", 0.05), ("reader2", 0.04), ("reader3", 0.0)):
        case = rng.normal(0.7, 0.1, 10)
        values = {reader: case + shift + rng.normal(0, 0.02, 10), "model": case + rng.normal(0, 0.02, 10)}
        parts.append(tidy(values, reference=f"majority-without-{reader}"))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(patient=table["case"].replace("case1", "case0"))


def test_readers_meet_the_model_on_their_own_reference(on_own_references):
    """Pairs, p and Holm over the readers are those of scipy's paired t test; better follows the adjusted p."""
    table = leave_one_out_tests(on_own_references, baseline="model").set_index("rater")
    expected = []
    for reader in ("reader1", "reader2", "reader3"):
        own = on_own_references[on_own_references["reference"] == f"majority-without-{reader}"]
        one, other = (own[own["rater"] == name]["value"].to_numpy() for name in (reader, "model"))
        expected.append(scipy.stats.ttest_rel(one, other).pvalue)
        assert table.loc[reader, "difference"] == pytest.approx((one - other).mean())
        assert table.loc[reader, "reference"] == f"majority-without-{reader}"
    np.testing.assert_allclose(table["p"], expected)
    np.testing.assert_allclose(table["p_holm"], multipletests(expected, method="holm")[1])
    assert table["better"].tolist() == ["reader1", "reader2", ""]


def test_scans_of_one_patient_count_less(on_own_references):
    """Clustering by patient leaves the differences and changes the degrees of freedom and p."""
    alone = leave_one_out_tests(on_own_references, baseline="model")
    together = leave_one_out_tests(on_own_references, baseline="model", cluster="patient")
    assert alone["difference"].tolist() == together["difference"].tolist()
    assert (alone["p"] != together["p"]).all()
    one = on_own_references.assign(patient="only")
    reasons = leave_one_out_tests(one, baseline="model", cluster="patient")["reason"]
    assert set(reasons) == {"all cases are of one patient: no test"}


def test_few_cases_are_tested_exactly():
    """Five wins of five: one-sided 1/32, as scipy's exact test; with ties, its permutations."""
    wins = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    assert one_sided_p(np.column_stack([wins, np.zeros(5)]))[0, 1] == pytest.approx(2 * 0.03125)  # Holm over two
    rng = np.random.default_rng(1)
    values = rng.integers(-8, 9, (9, 2)).astype(float)
    p = sorted(scipy.stats.wilcoxon(values[:, 0] - values[:, 1], alternative=way).pvalue for way in ("greater", "less"))
    assert sorted(one_sided_p(values)[[0, 1], [1, 0]]) == pytest.approx([min(2 * p[0], 1), max(2 * p[0], p[1])])
