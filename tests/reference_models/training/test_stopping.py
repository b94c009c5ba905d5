from reference_models.training.stopping import count_plateaus, has_plateaued, has_stalled


def test_cais_rule_waits_for_five_epochs():
    """Nothing is said before there are five epochs to look at."""
    assert not has_plateaued([0.5] * 5)
    assert has_plateaued([0.5] * 6)


def test_cais_rule_asks_for_a_gain_of_a_thousandth():
    """0.0009 over the last five epochs is too little, 0.0011 is enough to go on."""
    assert has_plateaued([0.5, 0.5, 0.5, 0.5, 0.5, 0.5009])
    assert not has_plateaued([0.5, 0.5, 0.5, 0.5, 0.5, 0.5011])


def test_deepbleeds_rule_trains_two_hundred_epochs_in_any_case():
    """A loss that never moves stops at 200, not before."""
    assert not has_stalled([1.0] * 199)
    assert has_stalled([1.0] * 200)


def test_deepbleeds_rule_follows_the_moving_average():
    """A loss that falls goes on; one that has risen for twenty epochs stops."""
    falling = [1.0 - 0.001 * epoch for epoch in range(230)]
    assert not has_stalled(falling)
    assert has_stalled([*falling, *[1.0 + 0.01 * epoch for epoch in range(25)]])


def test_changs_rule_counts_plateaus():
    """Three epochs without a new lowest loss are one, six are two; a lower loss begins the count anew."""
    assert count_plateaus([1.0, 0.9, 0.95, 0.92], patience=3) == 0
    assert count_plateaus([1.0, 0.9, 0.95, 0.92, 0.9], patience=3) == 1
    assert count_plateaus([1.0, *[1.1] * 6], patience=3) == 2
    assert count_plateaus([1.0, 1.1, 1.1, 0.9, 1.0, 1.0], patience=3) == 0
