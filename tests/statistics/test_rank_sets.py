import itertools

import numpy as np
import pytest

from ctbench.statistics import rank_sets as module
from ctbench.statistics.rank_sets import compare_all, rank_sets


def alone(values):
    """Every case is a cluster of its own."""
    return np.arange(len(values))


def test_every_p_is_counted_over_all_sign_patterns():
    """Written out in loops: a pair's p is the share of patterns in which any pair's statistic is as large."""
    values = np.random.default_rng(1).normal((0.3, 0.0, 0.9), 0.4, (7, 3))
    found = compare_all(values, alone(values))
    pairs = [(j, k) for j in range(3) for k in range(3) if j != k]

    def statistics(signs):
        moved = {}
        for j, k in pairs:
            difference = values[:, j] - values[:, k]
            moved[j, k] = np.sum(signs * difference) / np.sqrt(np.sum(difference**2))
        return moved

    observed, patterns = statistics(np.ones(7)), [statistics(np.array(s)) for s in itertools.product((1, -1), repeat=7)]
    for j, k in pairs:
        share = np.mean([max(one.values()) >= abs(observed[j, k]) - 1e-6 for one in patterns])
        assert found.pairs[j, k] == pytest.approx(share)
    for j in range(3):
        above = max(observed[k, j] for k in range(3) if k != j)
        share = np.mean([max(one[k, j] for k in range(3) if k != j) >= above - 1e-6 for one in patterns])
        assert found.best[j] == pytest.approx(share)


def test_two_raters_are_compared_by_the_exact_sign_test_of_sums():
    """Five cases that all go one way: two of 32 patterns are as far out, whatever the sizes of the differences."""
    values = np.array([[0.5, 0.4], [0.9, 0.2], [0.7, 0.69], [0.8, 0.3], [0.6, 0.1]])
    assert compare_all(values, alone(values)).pairs[0, 1] == 2 / 32
    assert compare_all(values, alone(values)).best.tolist() == [1.0, 1 / 32]


def test_cases_of_a_patient_flip_together():
    """Ten cases of five patients are five independent signs: no p is below 2 of 32."""
    values = np.random.default_rng(0).normal((1.0, 0.0), 0.1, (10, 2))
    assert compare_all(values, np.repeat(np.arange(5), 2)).pairs[0, 1] == 2 / 32


def test_whoever_is_worse_than_somebody_is_not_the_best():
    """The two answers never contradict each other: a significant pair rules the worse one out as the best."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        values = rng.normal(rng.normal(0, 0.5, 6), 1.0, (15, 6))
        found, means = compare_all(values, alone(values), seed=seed), values.mean(axis=0)
        worse = ((found.pairs < 0.05) & (means[:, None] > means)).any(axis=0)
        assert (found.best[worse] < 0.05).all()
        low, _ = rank_sets(values, found.pairs)
        np.testing.assert_array_equal(low > 1, worse)


def test_ranks_follow_from_who_is_better_and_who_is_worse():
    """Three groups that are far apart: ranks 1, 2 to 3 and 4, whatever order the raters stand in."""
    rng = np.random.default_rng(3)
    values = rng.normal([0.5, 0.9, 0.2, 0.5], 0.01, (30, 4))
    low, high = rank_sets(values, compare_all(values, alone(values)).pairs)
    assert low.tolist() == [2, 1, 4, 2]
    assert high.tolist() == [3, 1, 4, 3]


def test_raters_who_never_differ_are_tied():
    """Equal columns are not separated, and take nothing away from the others."""
    rng = np.random.default_rng(3)
    values = rng.normal(0, 0.01, (30, 1)) + np.array([[0.5, 0.5, 0.2]])
    values[:, 2] += rng.normal(0, 0.02, 30)
    found = compare_all(values, alone(values))
    assert found.pairs[0, 1] == 1
    assert found.pairs[0, 2] < 0.01
    assert [ranks.tolist() for ranks in rank_sets(values, found.pairs)] == [[1, 1, 3], [2, 2, 3]]


@pytest.mark.parametrize(("shape", "rank"), [((1, 4), np.nan), ((0, 3), np.nan), ((5, 1), 1.0)])
def test_one_case_says_nothing_and_one_rater_is_first(shape, rank):
    """Of one case nothing can be said, and null is said; a single rater is first of one."""
    values = np.zeros(shape)
    found = compare_all(values, alone(values))
    assert np.isnan(found.best).all()
    for ranks in rank_sets(values, found.pairs):
        np.testing.assert_array_equal(ranks, np.full(shape[1], rank))


@pytest.mark.slow
@pytest.mark.parametrize(("cases", "raters"), [(8, 5), (8, 10), (8, 60), (12, 5), (12, 10), (50, 10), (50, 60)])
@pytest.mark.parametrize("skewed", [False, True])
def test_all_true_ranks_are_covered_at_once(cases, raters, skewed):
    """Near-tied raters with unequal spreads: in at least 93 % of studies every set holds its rater's true rank."""
    rng = np.random.default_rng(cases * raters + skewed)
    truth, studies, covered = np.linspace(0, 0.002, raters), 200, 0
    for seed in range(studies):
        spread = rng.uniform(0.02, 0.1, raters)
        noise = 1 - rng.gamma(2, 0.5, (cases, raters)) if skewed else rng.normal(0, 1, (cases, raters))
        values = truth + rng.normal(0, 0.1, (cases, 1)) + spread * noise
        low, high = rank_sets(values, compare_all(values, alone(values), resamples=500, seed=seed).pairs)
        true_rank = raters - np.arange(raters)
        covered += bool(((low <= true_rank) & (true_rank <= high)).all())
    assert covered >= 0.93 * studies


def test_many_raters_are_compared_like_few(monkeypatch):
    """With machine code and without: to the last bit, also where two never differ."""
    values = np.random.default_rng(0).normal(0.5, 0.1, (20, 70))
    values[:, 1] = values[:, 0]
    many = compare_all(values, alone(values))
    monkeypatch.setattr(module, "_FEW_RATERS", 100)
    few = compare_all(values, alone(values))
    np.testing.assert_array_equal(many.pairs, few.pairs)
    np.testing.assert_array_equal(many.best, few.best)
