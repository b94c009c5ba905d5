import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.statistics.forecasts import cramer_distance, crps_ensemble, crps_normal

READERS = (9, 10, 12)


def test_normal_forecast_in_closed_form():
    """The values of scoringrules' crps_normal: it does not saturate."""
    expected = [0.233695, 0.602441, 2.436575, 9.435810]
    assert crps_normal(0, 1, [0, 1, 3, 10]).tolist() == pytest.approx(expected, abs=1e-6)
    assert crps_normal(5, 2, 11) == pytest.approx(2 * crps_normal(0, 1, 3))
    assert crps_normal(5, 0, [5, 8]).tolist() == [0, 3]


def test_readers_as_a_normal_distribution_do_not_saturate():
    """CURVAS cuts the integral and scores 0, 15 and 30 mL alike (3.046); in closed form they differ."""
    mean, sd = np.mean(READERS), np.std(READERS)
    found = crps_normal(mean, sd, [0, 15, 30, 10, 12]).tolist()
    assert found == pytest.approx([9.630, 3.963, 18.963, 0.3268, 1.0681], abs=5e-4)


@pytest.mark.parametrize(
    ("observed", "plain", "fair"),
    [(10, 0.333333, 0), (12, 1, 0.666667), (30, 19, 18.666667), (0, 9.666667, 9.333333)],
)
def test_ensemble(observed, plain, fair):
    """The values of scoringrules' crps_ensemble, as it is and fair."""
    assert crps_ensemble(READERS, observed) == pytest.approx(plain, abs=1e-6)
    assert crps_ensemble(READERS, observed, fair=True) == pytest.approx(fair, abs=1e-6)


def test_cramer_distance_with_one_observation_is_the_crps():
    """And it is symmetric, and 0 for equal sets only."""
    for observed in (0, 10, 30):
        assert cramer_distance(READERS, [observed]) == pytest.approx(crps_ensemble(READERS, observed))
    assert cramer_distance(READERS, READERS) == 0
    assert cramer_distance([1, 5], READERS) == pytest.approx(cramer_distance(READERS, [1, 5]))
    assert cramer_distance([0, 2], [1, 1]) == pytest.approx(0.5)


def test_too_few_members_are_refused():
    """A fair score needs two."""
    with pytest.raises(UsageError, match="two members or more, got 1"):
        crps_ensemble([1], 2, fair=True)
    with pytest.raises(UsageError, match="one volume or more"):
        cramer_distance([], [1])
    with pytest.raises(UsageError, match="0 or more, got -1"):
        crps_normal(0, -1, 0)
