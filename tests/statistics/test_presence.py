"""Agreement on presence against values by hand, Fleiss' kappa and Gwet's AC1."""

import math

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.statistics import fleiss_kappa, gwet_ac, presence_agreement


def test_four_candidates_of_three_readers():
    """Found by 3, 3, 2, 1: 14 of 18 positive pairs; agreement 2/3 at a prevalence of .75."""
    found = presence_agreement([3, 3, 2, 1], [3, 3, 3, 3], list("abcd"))
    assert found.positive.value == pytest.approx(7 / 9)
    assert found.kappa.value == pytest.approx((2 / 3 - 0.625) / 0.375)
    assert found.ac1.value == pytest.approx((2 / 3 - 0.375) / 0.625)


def test_it_equals_fleiss_and_gwet():
    """With as many readers everywhere it is Fleiss' kappa; with any number of readers it is Gwet's AC1."""
    rng = np.random.default_rng(0)
    drawn = (rng.random((30, 4)) < rng.random((30, 1))).astype(float)
    count = drawn.sum(axis=1)
    whole = presence_agreement(count, [4] * 30, range(30))
    assert whole.kappa.value == pytest.approx(fleiss_kappa(np.stack([count, 4 - count], axis=1)).value)
    assert whole.ac1.value == pytest.approx(gwet_ac(drawn).value)
    drawn[:10, 3] = np.nan
    gaps = presence_agreement(np.nansum(drawn, axis=1), (~np.isnan(drawn)).sum(axis=1), range(30))
    assert gaps.ac1.value == pytest.approx(gwet_ac(drawn).value)


def test_intervals_leave_out_clusters():
    """Two units in each of three clusters: the jackknife is by hand; of the same units as one cluster there is none."""
    found, read, clusters = [2, 2, 1, 2, 1, 1], [2] * 6, [1, 1, 2, 2, 3, 3]
    result = presence_agreement(found, read, clusters).positive
    assert result.value == pytest.approx(6 / 9)
    without = np.array([2 / (2 + 1 + 1 + 1), (2 + 2) / (2 + 2 + 1 + 1), (2 + 2 + 2) / (2 + 2 + 1 + 2)])
    half = 4.302652729911275 * math.sqrt(2 * without.var())
    assert (result.low, result.high) == pytest.approx((max(6 / 9 - half, 0), min(6 / 9 + half, 1)))
    sure = presence_agreement([2, 2, 0], [2, 2, 2], list("abc"))
    assert (sure.kappa.value, math.isnan(sure.positive.low)) == (pytest.approx(1), True)
    alone = presence_agreement(found, read, [1] * 6)
    assert math.isnan(alone.kappa.low)
    assert "no interval" in alone.kappa.reason


def test_units_of_one_reader_are_left_out_and_what_cannot_disagree_is_null():
    """A unit that one reader read says nothing; where everybody finds everything kappa is undefined."""
    found = presence_agreement([1, 2, 2], [1, 2, 2], list("abc"))
    assert (found.kappa.n, found.kappa.left_out) == (2, 1)
    assert math.isnan(found.kappa.value)
    assert "agree everywhere" in found.ac1.reason
    assert found.positive.value == 1
    assert presence_agreement([1], [1], ["a"]).positive.reason == "no unit has two readers"
    assert presence_agreement([0, 0], [2, 2], ["a", "b"]).positive.reason == "nobody found anything"
    with pytest.raises(UsageError, match="found <= read"):
        presence_agreement([3], [2], ["a"])
