import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.errors import UsageError
from ctbench.statistics import icc

# Six targets by four judges: Shrout and Fleiss, Psychological Bulletin 1979;86:420-428, Table 2.
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


@pytest.mark.parametrize(
    ("form", "printed"), [("1,1", 0.17), ("2,1", 0.29), ("3,1", 0.71), ("1,k", 0.44), ("2,k", 0.62), ("3,k", 0.91)]
)
def test_the_six_forms_of_shrout_and_fleiss(form, printed):
    """Their four judges give the six coefficients that they print in Table 4."""
    assert round(icc(SHROUT_FLEISS, form).value, 2) == printed


@pytest.mark.parametrize(
    ("form", "low", "high"),
    [
        ("1,1", -0.133, 0.723),
        ("2,1", 0.019, 0.761),
        ("3,1", 0.342, 0.946),
        ("1,k", -0.884, 0.912),
        ("2,k", 0.071, 0.927),
        ("3,k", 0.676, 0.986),
    ],
)
def test_intervals_of_the_same_data(form, low, high):
    """Intervals are those that the documentation of R's psych::ICC prints for the same data."""
    estimate = icc(SHROUT_FLEISS, form)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.001)


@pytest.mark.parametrize("form", ["1,1", "2,1", "3,1"])
def test_interval_covers(form):
    """The 95 % interval covers the truth in 1,000 samples of readers without bias, within chance."""
    rng, truth, hits = np.random.default_rng(5), 0.8, 0
    for _ in range(1000):
        ratings = math.sqrt(truth) * rng.standard_normal((20, 1)) + math.sqrt(1 - truth) * rng.standard_normal((20, 3))
        estimate = icc(ratings, form)
        hits += estimate.low <= truth <= estimate.high
    assert 933 <= hits <= 975


@given(st.floats(-100, 100), st.floats(0.1, 10), st.permutations(range(4)))
def test_neither_unit_nor_order_matters(shift, scale, order):
    """Another unit of measurement and another order of the readers leave every form as it is."""
    table = np.array(SHROUT_FLEISS, dtype=float)
    for form in ("1,1", "2,1", "3,k"):
        assert icc(shift + scale * table[:, order], form).value == pytest.approx(icc(table, form).value)


def test_a_constant_bias_harms_agreement_and_not_consistency():
    """A reader who always measures 2 more has consistency 1, and agreement worked out by hand below 1."""
    ratings = np.array([[1.0, 3.0], [2.0, 4.0], [3.0, 5.0]])
    assert icc(ratings, "3,1").value == 1
    assert icc(ratings, "2,1").value == pytest.approx(2 / (2 + 2 * 6 / 3))  # (MSR - 0) / (MSR + k (MSC - 0) / n)


def test_incomplete_cases_are_left_out_and_counted():
    """A case with a NaN changes nothing but the count."""
    holed = icc([*SHROUT_FLEISS, [1, 2, 3, math.nan]])
    assert (holed.n, holed.left_out) == (6, 1)
    assert holed.value == icc(SHROUT_FLEISS).value


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [([[1.0, 2.0]], "fewer than two"), ([[1.0, 1.0], [1.0, 1.0]], "all ratings are equal")],
)
def test_no_variation_no_coefficient(ratings, reason):
    """One case, or ratings that never vary, give NaN with a reason."""
    estimate = icc(ratings)
    assert math.isnan(estimate.value)
    assert reason in estimate.reason


@pytest.mark.parametrize(
    ("ratings", "form"), [([[1.0], [2.0]], "2,1"), ([1.0, 2.0], "2,1"), ([[1.0, math.inf]], "2,1"), ([[1, 2]], "4,1")]
)
def test_impossible_ratings_are_refused(ratings, form):
    """One reader, a flat list, infinite ratings and unknown forms are errors."""
    with pytest.raises(UsageError):
        icc(ratings, form)


def test_cases_that_do_not_differ_have_no_coefficient():
    """The mean of two readers with opposite ratings: a reason instead of minus infinity."""
    found = icc([[1, 2], [2, 1]], "1,k")
    assert np.isnan([found.value, found.low, found.high]).all()
    assert "do not differ" in found.reason
