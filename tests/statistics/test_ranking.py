import numpy as np
import pandas as pd
import pytest
import scipy.stats

from ctbench.errors import UsageError
from ctbench.statistics import direction_of, rank, rank_stability, rank_values


def test_two_ways_to_rank_disagree_by_hand(tidy):
    """One bad case costs a rater the mean and not the ranks: each method gives its own order."""
    scores = tidy({"steady": [0.8, 0.8, 0.8], "risky": [0.9, 0.9, 0.1]})
    by_mean, by_rank = (rank(scores, method=name) for name in ("mean-then-rank", "rank-then-mean"))
    assert by_mean["rater"].to_list() == ["steady", "risky"]
    assert by_mean["value"].to_list() == pytest.approx([0.8, 1.9 / 3])
    assert by_rank["rater"].to_list() == ["risky", "steady"]
    assert by_rank["value"].to_list() == pytest.approx([4 / 3, 5 / 3])


@pytest.mark.parametrize("method", ["mean-then-rank", "rank-then-mean", "test"])
def test_equals_are_not_separated_and_the_worse_is(three, method):
    """Two alike raters share first place within their intervals; the worse one is third for sure."""
    table = rank(three, method=method, resamples=200).set_index("rater")
    assert table.loc["c", ["rank", "rank_low", "rank_high"]].to_list() == [3, 3, 3]
    assert not table.loc["c", "tied_with_first"]
    assert table.loc[["a", "b"], "tied_with_first"].all()
    assert (table.loc[["a", "b"], "rank_high"] == 2).any()


def test_a_seed_gives_one_table(three):
    """The same seed gives the same table; another one gives other resamples."""
    pd.testing.assert_frame_equal(rank(three, seed=1), rank(three, seed=1))
    assert not rank(three, seed=1)["p_first"].equals(rank(three, seed=2)["p_first"])


def test_distances_rank_the_other_way(three):
    """The rater with the highest values is last for a distance, whose mean is shown as it is."""
    table = rank(three.assign(metric="hd95", unit="mm"))
    assert table["rater"].iloc[0] == "c"
    assert table["value"].iloc[0] == pytest.approx(three.loc[three["rater"] == "c", "value"].mean())


def test_sets_and_ties_come_from_one_comparison_by_hand(tidy):
    """Six cases that all go one way: 2 of 64 sign patterns are as far out, so both ranks are sure; of five, 2 of 32."""
    better = np.array([0.9, 0.8, 0.7, 0.85, 0.75, 0.95])
    table = rank(tidy({"a": better, "b": better - [0.1, 0.2, 0.1, 0.3, 0.1, 0.2]})).set_index("rater")
    assert table[["rank", "rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1, 1], [2, 2, 2]]
    assert table.loc["b", "p_first"] == 1 / 64
    table = rank(tidy({"a": better[:5], "b": better[:5] - [0.1, 0.2, 0.1, 0.3, 0.1]})).set_index("rater")
    assert table[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 2], [1, 2]]


def test_of_two_raters_p_first_is_nearly_a_one_sided_paired_t_test(tidy):
    """For the ranking of means: that the second is better than the first, by chance."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.8, 0.05, (2, 15))
    table = rank(tidy({"a": a, "b": b}), resamples=20_000)
    assert table["p_first"].iloc[1] == pytest.approx(scipy.stats.ttest_rel(a, b).pvalue / 2, abs=0.01)


def test_one_case_has_no_interval(tidy):
    """A rank of one case is a rank; what it would be in other cases is null, not 1 to 1."""
    table = rank(tidy({"a": [0.9], "b": [0.8]}))
    assert table["rank"].to_list() == [1, 2]
    assert table[["rank_low", "rank_high", "p_first"]].isna().all(axis=None)
    assert set(table["reason"]) == {"one case: no interval"}


def test_equal_raters_share_a_rank(tidy):
    """Raters without any difference are all first, up to round-off, and no order of them is ruled out."""
    values = np.array([0.1, 0.2, 0.3])
    table = rank(tidy({"a": values, "b": values, "c": values + 1e-15}))
    assert table[["rank", "rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1, 3]] * 3
    assert table["tied_with_first"].all()


def test_only_complete_cases_count_and_absent_raters_cost_nothing(tidy):
    """A case that one rater lacks counts for none; a rater without any value is listed unranked."""
    scores = tidy({"a": [0.9, 0.8, np.nan], "b": [0.7, 0.6, 1.0], "none": [np.nan, np.nan, np.nan]})
    table = rank(scores).set_index("rater")
    assert table.loc["b", ["n", "value", "cases_left_out"]].to_list() == pytest.approx([2, 0.65, 1])
    assert np.isnan(table.loc["none", "rank"])
    assert table.loc["none", "reason"] == "no values of none"


def test_nobody_to_rank_says_so(tidy):
    """If no rater has any value, all are listed without a rank."""
    table = rank(tidy({"a": [np.nan], "b": [np.nan]}))
    assert table["reason"].to_list() == ["no values of a", "no values of b"]


def test_no_common_case_says_so(tidy):
    """Raters who share no case cannot be ranked, and the table says why."""
    table = rank(tidy({"a": [0.9, np.nan], "b": [np.nan, 0.7]}))
    assert table["rank"].isna().all()
    assert set(table["reason"]) == {"no case has values of all raters"}


def test_patients_are_drawn_whole(tidy):
    """Many scans of few patients: drawing patients, not scans, makes the difference less sure."""
    patient = np.repeat(np.arange(4), 25)
    difference = np.array([0.03, 0.03, 0.03, -0.02])[patient]
    scores = tidy({"a": 0.8 + difference, "b": np.full(100, 0.8)})
    scores["patient"] = np.tile(patient, 2)
    alone, whole = (rank(scores, cluster=cluster).set_index("rater") for cluster in (None, "patient"))
    assert not alone.loc["b", "tied_with_first"]
    assert whole.loc["b", "tied_with_first"]


def test_groups_are_ranked_by_themselves(three):
    """Each label has its own ranking, equal to that of the label alone."""
    both = pd.concat([three, three.assign(label="lentiform", value=-three["value"])])
    table = rank(both)
    expected = rank(three)
    pd.testing.assert_frame_equal(table[table["label"] == "caudate"].reset_index(drop=True), expected)
    assert table[table["label"] == "lentiform"]["rater"].iloc[0] == "c"


def test_stability_is_the_mean_tau(three):
    """Kendall's tau of each resampled ranking with the full one, averaged: checked with scipy on given merits."""
    from ctbench.statistics.ranking import _tau_b

    merits = np.array([[3.0, 2.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 2.0, 0.0]])
    reference = np.array([4.0, 3.0, 2.0, 2.0])
    expected = [scipy.stats.kendalltau(reference, row).statistic for row in merits]
    assert _tau_b(reference, merits) == pytest.approx(expected)
    row = rank_stability(three).iloc[0]
    assert 1 / 3 <= row["low"] <= row["tau"] <= row["high"] == 1


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"metric": "volume_ml"}, {}, "has no better direction; pass direction="),
        ({}, {"method": "median"}, "unknown ranking method"),
        ({}, {"cluster": "patient"}, "lack the column patient"),
    ],
)
def test_impossible_rankings_are_refused(three, change, arguments, message):
    """A metric without a direction, an unknown method and an absent cluster column are errors."""
    with pytest.raises(UsageError, match=message):
        rank(three.assign(**change), **arguments)


@pytest.mark.parametrize("metric", ["dice", "hd95"])
def test_an_array_is_ranked_like_the_same_scores(tidy, metric):
    """With cases that somebody lacks, a rater without values and patients with two scans."""
    values = np.random.default_rng(4).uniform(0.3, 0.9, (20, 4))
    values[3, 0] = values[5] = values[:, 3] = np.nan
    names, owners = ["a", "b", "c", "d"], [str(case // 2) for case in range(20)]
    rows = tidy(dict(zip(names, values.T, strict=True)), metric=metric)
    expected = rank(rows.assign(patient=np.tile(owners, 4)), cluster="patient").drop(columns="label")
    found = rank_values(values, names, better=direction_of(metric), clusters=owners)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-12)
