import numpy as np
import pytest

from ctbench.metrics.distances import (
    Directed,
    SurfaceDistances,
    average_distance,
    hausdorff,
    mean_of_directed_averages,
    pooled_percentile,
    robust_hausdorff,
    share_within,
)

NOTHING = Directed(np.empty(0), np.empty(0))


@pytest.fixture
def two_sided():
    """Forth: 8 mm² at 0 mm and 2 mm² at 5 mm; back: 30 mm² at 1 mm."""
    return SurfaceDistances(
        Directed(np.array([5.0, 0.0]), np.array([2.0, 8.0])), Directed(np.array([1.0]), np.array([30.0]))
    )


def test_closed_forms(two_sided):
    """Every summary of a hand-made pair of surfaces is what arithmetic gives."""
    assert hausdorff(two_sided) == 5
    assert robust_hausdorff(two_sided) == 5
    assert robust_hausdorff(two_sided, 0.8) == 1
    assert average_distance(two_sided) == pytest.approx((2 * 5 + 30) / 40)
    assert mean_of_directed_averages(two_sided) == pytest.approx((1 + 1) / 2)
    assert share_within(two_sided, 0.5) == pytest.approx(8 / 40)
    assert share_within(two_sided, 1.0) == pytest.approx(38 / 40)


def test_one_sampled_side_decides():
    """Where one surface has no sample, every summary is that of the other one."""
    side = Directed(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    for distances in (SurfaceDistances(side, NOTHING), SurfaceDistances(NOTHING, side)):
        assert hausdorff(distances) == robust_hausdorff(distances) == 3
        assert average_distance(distances) == mean_of_directed_averages(distances) == 2
        assert share_within(distances, 1.0) == 0.5


def test_percentile_is_the_first_element_to_reach_the_share():
    """At a cumulative area of exactly 95 % the distance reached is the one, not the next; rounding decides nothing."""
    ninths = Directed(np.arange(20.0), np.full(20, 0.1))
    assert ninths.percentile(0.95) == 18
    assert Directed(np.arange(20.0), np.full(20, 1 / 3)).percentile(0.95) == 18


def test_percentile_weighs_by_area():
    """A distance on 6 % of the area is the 95th percentile, one on 4 % is not."""
    assert Directed(np.array([0.0, 9.0]), np.array([94.0, 6.0])).percentile(0.95) == 9
    assert Directed(np.array([0.0, 9.0]), np.array([96.0, 4.0])).percentile(0.95) == 0


def test_tolerance_includes_its_limit_in_spite_of_rounding():
    """Three steps of 0.1 mm are within 0.3 mm, though their floating-point sum is above it."""
    assert 0.1 * 3 > 0.3
    side = Directed(np.array([0.1 * 3]), np.array([1.0]))
    assert share_within(SurfaceDistances(side, side), 0.3) == 1


def test_pooled_percentile_is_numpys():
    """The pooled percentile of counted distances equals NumPy's on the list written out."""
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 20, 41, 500):
        mm, counts = rng.random(size), rng.integers(1, 4, size)
        split = size // 2
        distances = SurfaceDistances(
            Directed(mm[:split], counts[:split].astype(float)), Directed(mm[split:], counts[split:].astype(float))
        )
        assert pooled_percentile(distances) == pytest.approx(np.percentile(np.repeat(mm, counts), 95), rel=1e-12)
