import pytest

from ctbench.statistics import Direction, direction_of


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("dice", Direction.HIGHER),
        ("nsd", Direction.HIGHER),
        ("hd95", Direction.LOWER),
        ("volume_difference_absolute_ml", Direction.LOWER),
        ("volume_difference_ml", Direction.NEITHER),
        ("volume_ml", Direction.NEITHER),
        ("somebody's own", Direction.NEITHER),
    ],
)
def test_overlap_is_good_when_high_and_distance_when_low(metric, expected):
    """Overlaps, distances, signed quantities and unknown metrics each get the direction that they have."""
    assert direction_of(metric) is expected
