import math

import numpy as np
import pytest
import scipy.stats

from ctbench.statistics.multi_reader.analysis import Table, analyse, components, difference, mean_over_readers


def drawn(rng, readers=4, cases=30, *, design="factorial", reader_sd=0.3, conditions=2):
    """A table of mean scores of equal conditions: readers and cases are random, also their interactions."""
    shape = (conditions, readers, cases)
    nested = design == "readers nested"
    skill = rng.normal(0, reader_sd, shape[:2] if nested else (1, readers))
    skill = skill + rng.normal(0, reader_sd / 2, shape[:2])
    case = rng.normal(0, 1, (conditions, 1, cases) if design == "cases nested" else (1, 1, cases))
    values = skill[..., None] + case + rng.normal(0, 0.5, (conditions, 1, cases)) + rng.normal(0, 0.7, shape)
    flat = values.reshape(-1, cases)
    found = np.cov(flat) / cases
    if design == "cases nested":
        found *= np.kron(np.eye(conditions), np.ones((readers, readers)))
    return Table(values.mean(axis=2), found, design)


def test_a_model_against_nine_readers():
    """RJafroc's numbers for its data set of computer-aided detection (Hupse): 9 readers, mean, variance, covariance."""
    spread = np.linspace(-1, 1, 9)
    differences = -0.03173611 + spread * math.sqrt(0.00087779 / spread.var(ddof=1))
    covariances = np.full((9, 9), 0.00092417)
    found = mean_over_readers(differences, covariances, "random readers and cases")
    assert abs(found.estimate / found.error) == pytest.approx(0.99286888, abs=2e-5)
    assert found.degrees == pytest.approx(877.886, rel=1e-4)
    assert found.p == pytest.approx(0.321047, abs=2e-5)
    assert (-found.high, -found.low) == pytest.approx((-0.03099877, 0.09447099), abs=2e-6)
    fixed = mean_over_readers(differences, covariances, "fixed cases")
    assert abs(fixed.estimate / fixed.error) == pytest.approx(3.213505, abs=2e-5)
    assert (fixed.degrees, fixed.p) == (8, pytest.approx(0.012359, abs=1e-6))


def test_fixed_cases_of_two_conditions_is_the_paired_t_test():
    """Over readers."""
    table = drawn(np.random.default_rng(1))
    expected = scipy.stats.ttest_rel(*table.values)
    found = analyse(table, "fixed cases")
    assert found.statistic == pytest.approx(expected.statistic**2)
    assert found.p == pytest.approx(expected.pvalue)
    assert difference(table, 0, 1, "fixed cases").p == pytest.approx(expected.pvalue)


def test_one_reader_has_only_the_analysis_of_fixed_readers():
    """It is then the z test of the difference; the others have no degrees of freedom."""
    table = Table(np.array([[0.8], [0.7]]), np.array([[0.0004, 0.0001], [0.0001, 0.0006]]))
    found = analyse(table, "fixed readers")
    assert found.statistic == pytest.approx(0.1**2 / (0.0004 + 0.0006 - 0.0002))
    for analysis in ("random readers and cases", "fixed cases"):
        assert math.isnan(analyse(table, analysis).p)
        assert math.isnan(difference(table, 0, 1, analysis).p)


def test_perfect_readers_have_no_test():
    """Without any variance there is nothing to test against."""
    table = Table(np.ones((2, 3)), np.zeros((6, 6)))
    for analysis in ("random readers and cases", "fixed readers", "fixed cases"):
        assert math.isnan(analyse(table, analysis).p)
        assert math.isnan(difference(table, 0, 1, analysis).p)


def test_components_are_means_of_their_kind():
    """Of a covariance matrix of two conditions with two readers each."""
    matrix = np.array([[10, 4, 3, 1], [4, 12, 1, 5], [3, 1, 14, 6], [1, 5, 6, 16]])
    assert components(Table(np.zeros((2, 2)), matrix)) == (13, 4, 5, 1)
    assert components(Table(np.zeros((2, 2)), matrix, "readers nested")) == (13, 0, 5, 2.5)
    assert components(Table(np.zeros((2, 2)), matrix, "cases nested")) == (13, 0, 5, 0)


@pytest.mark.parametrize("design", ["factorial", "readers nested", "cases nested"])
def test_equal_conditions_are_called_different_in_five_per_cent(design):
    """Of 1,500 simulated studies: between 3 and 7 % with random readers and cases."""
    rng = np.random.default_rng(2)
    p = np.array([analyse(drawn(rng, design=design), "random readers and cases").p for _ in range(1500)])
    assert 0.03 < (p < 0.05).mean() < 0.07


@pytest.mark.parametrize(
    ("analysis", "study"), [("fixed readers", {"reader_sd": 0.6}), ("fixed cases", {"reader_sd": 0.01, "cases": 8})]
)
def test_what_is_called_fixed_must_be_fixed(analysis, study):
    """Tests that ignore that readers, or cases, are samples reject equal conditions far too often."""
    rng = np.random.default_rng(3)
    assert np.mean([analyse(drawn(rng, **study), analysis).p < 0.05 for _ in range(400)]) > 0.1


def test_sampled_covariances_have_degrees_of_freedom():
    """Satterthwaite's rule; with sampled covariances the readers' mean square counts with its upper 70 % limit."""
    table = drawn(np.random.default_rng(5))
    between, shared = table.mean_squares[2], 4 * components(table).excess
    known = analyse(table, "random readers and cases").error_degrees
    assert known == pytest.approx((between + shared) ** 2 / (between**2 / 3))
    sampled = analyse(table._replace(sampled=30), "random readers and cases").error_degrees
    upper, found = between * 3 / scipy.stats.chi2.ppf(0.3, 3), components(table)
    over_cases = found.variance - found.cov1 + 3 * found.excess
    assert sampled == pytest.approx((upper + shared) ** 2 / (upper**2 / 3 + shared * over_cases / 29))
    assert shared > 0


def test_a_model_as_good_as_three_readers_is_not_called_different_too_often():
    """Three readers who differ about as much as their means vary, where the plain rule rejects in 7 to 8 %."""
    rng, rejects = np.random.default_rng(0), 0
    for _ in range(1500):
        values = rng.normal(0, 0.05, 50) + rng.normal(0, 0.01, (2, 3, 50))
        values[0] += rng.normal(0, 0.03, 50)
        values[1] += rng.normal(0, 0.02, (3, 1)) + rng.normal(0, 0.03, (3, 50))
        table = Table(values.mean(axis=2), np.cov(values.reshape(6, 50)) / 50, sampled=50)
        rejects += difference(table, 0, 1, "random readers and cases").p < 0.05
    assert 0.035 < rejects / 1500 < 0.065


def test_the_interval_of_a_condition_covers_its_mean():
    """In 93 to 98 % of studies with new readers and new cases."""
    rng = np.random.default_rng(4)
    found = [mean_over_readers(*drawn(rng).condition(0), "random readers and cases") for _ in range(800)]
    assert 0.93 < np.mean([one.low <= 0 <= one.high for one in found]) < 0.98


def test_fixed_nested_readers_have_the_variance_of_their_contrast():
    """The variance of a difference is that of the contrast of the figures by their covariances, as of any contrast."""
    table = drawn(np.random.default_rng(7), design="readers nested")
    weights = np.repeat([1 / 4, -1 / 4], 4)
    found = difference(table, 0, 1, "fixed readers")
    assert found.error**2 == pytest.approx(weights @ table.covariances @ weights)
