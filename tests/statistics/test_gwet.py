"""Gwet's coefficients against printed values."""

import math

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.statistics import fleiss_kappa, gwet_ac

_ = math.nan
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
).T
"""Twelve units by four readers with missing ratings."""


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({}, 0.77544),
        ({"weights": "linear"}, 0.85874),
        ({"weights": "quadratic"}, 0.91400),
        ({"chance": "uniform"}, 0.77273),
        ({"chance": "fleiss"}, 0.76117),
    ],
)
def test_krippendorffs_units(options, value):
    """Coefficients of the classic table with missing ratings, to five digits."""
    assert gwet_ac(KRIPPENDORFF, **options).value == pytest.approx(value, abs=5e-6)


def test_the_standard_error_of_krippendorffs_units():
    """The interval is t with 11 degrees of freedom and the standard error .14295, cut at 1."""
    found = gwet_ac(KRIPPENDORFF)
    assert (found.value - found.low) / 2.200985 == pytest.approx(0.14295, abs=5e-6)
    assert (found.high, found.n) == (1.0, 12)


def test_units_of_one_cluster_have_the_interval_of_the_clusters():
    """Every unit twice, as two of one patient: the interval is that of the patients, not of twice as many."""
    single = gwet_ac(KRIPPENDORFF)
    twice = gwet_ac(np.repeat(KRIPPENDORFF, 2, axis=0), clusters=np.repeat(np.arange(12), 2))
    assert (twice.value, twice.low, twice.n) == (pytest.approx(single.value), pytest.approx(single.low), 24)
    with pytest.raises(UsageError, match="one cluster for each of 12 units"):
        gwet_ac(KRIPPENDORFF, clusters=[1, 2])


def _pairs(table):
    return [[row, column] for row, own in enumerate(table) for column, count in enumerate(own) for _ in range(count)]


def test_three_categories_by_two_readers():
    """AC1 of Gwet's table of 100 units."""
    assert gwet_ac(_pairs([[13, 0, 0], [0, 20, 7], [0, 4, 56]])).value == pytest.approx(0.8493305, abs=5e-8)


def test_fleiss_kappa_of_two_readers_is_scotts_pi():
    """.7962397 of the same table; with equal numbers of ratings it is ``fleiss_kappa``, and so is its interval."""
    pairs = _pairs([[13, 0, 0], [0, 20, 7], [0, 4, 56]])
    found = gwet_ac(pairs, chance="fleiss")
    assert found.value == pytest.approx(0.7962397, abs=5e-8)
    whole = fleiss_kappa([[own.count(category) for category in range(3)] for own in pairs])
    assert (found.value, found.low, found.high) == pytest.approx((whole.value, whole.low, whole.high))


def test_the_paradox_of_kappa():
    """Agreement .944 with rare positives: Fleiss' kappa is -.029, below 0, and AC1 .941."""
    pairs = _pairs([[118, 5], [2, 0]])
    assert np.mean([one == other for one, other in pairs]) == 0.944
    assert gwet_ac(pairs).value == pytest.approx(0.941, abs=5e-4)
    assert gwet_ac(pairs, chance="fleiss").value == pytest.approx(-0.029, abs=5e-4)


def test_names_are_categories_too():
    """Names and numbers have the same unweighted coefficient; names have no distances."""
    names = np.array(["none", "small", "large"], dtype=object)
    pairs = np.array(_pairs([[13, 0, 0], [0, 20, 7], [0, 4, 56]]))
    assert gwet_ac(names[pairs]).value == gwet_ac(pairs).value
    with pytest.raises(UsageError, match="numbers"):
        gwet_ac(names[pairs], weights="linear")


@pytest.mark.parametrize(
    ("ratings", "reason"),
    [([[1, 1], [1, 1]], "one category"), ([[1, _], [_, 2]], "no unit has two ratings"), ([[_, _]], "no unit has two")],
)
def test_without_information_there_is_a_reason(ratings, reason):
    """Undefined is NaN with a reason."""
    found = gwet_ac(ratings)
    assert math.isnan(found.value)
    assert reason in found.reason


def test_wrong_arguments_are_refused():
    """One reader, an unknown weight, or an unknown chance."""
    with pytest.raises(UsageError, match="two readers"):
        gwet_ac([[1], [2]])
    with pytest.raises(UsageError, match="unknown weights"):
        gwet_ac([[1, 2], [2, 2]], weights="cubic")
    with pytest.raises(UsageError, match="unknown chance"):
        gwet_ac([[1, 2], [2, 2]], chance="scott")


def test_categories_of_several_kinds_are_told_apart():
    """A number and a word are two categories, as two words are."""
    mixed, words = gwet_ac([[1, "a"], [1, 1], ["a", "a"]]), gwet_ac([["b", "a"], ["b", "b"], ["a", "a"]])
    assert mixed.value == pytest.approx(words.value)
    assert mixed.value == pytest.approx(1 / 3)
