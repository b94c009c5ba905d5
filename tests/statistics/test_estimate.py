import math

import pytest
import scipy.stats

from ctbench.statistics import Estimate
from ctbench.statistics.estimate import t_half_width, t_p_value


def test_an_estimate_is_a_number_with_an_interval():
    """An estimate turns into its value, and has no interval unless one is given."""
    assert float(Estimate(0.8, 0.7, 0.9)) == 0.8
    assert math.isnan(Estimate(0.8).low)


def test_t_helpers_agree_with_scipy():
    """Half width and p are those of scipy's t distribution."""
    assert t_half_width(2.0, 7) == pytest.approx(2 * scipy.stats.t.ppf(0.975, 7), rel=1e-9)
    assert t_p_value(-3.0, 2.0, 7) == pytest.approx(2 * scipy.stats.t.sf(1.5, 7), rel=1e-9)


@pytest.mark.parametrize(("error", "degrees"), [(0.0, 5), (1.0, 0), (math.nan, 5)])
def test_no_spread_no_p(error, degrees):
    """Without a standard error or degrees of freedom there is no p value, rather than 0 or a crash."""
    assert math.isnan(t_p_value(1.0, error, degrees))
