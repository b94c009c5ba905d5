import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from ctbench.statistics.forecasts import Outcomes, brier, negative_log_likelihood


def test_ten_predictions(ten):
    """MetricsReloaded prints .61718 for both classes, which is twice this."""
    assert float(brier(ten).score) == pytest.approx(0.30859, abs=1e-9)
    assert float(negative_log_likelihood(ten)) == pytest.approx(0.948472, abs=1e-6)


def test_as_scikit_learn(outcomes_of, many):
    """Brier score and log loss of 2000 voxels, whose forecasts of 0 and 1 are clipped by half a code."""
    p, y = many
    assert float(brier(outcomes_of(p, y)).score) == pytest.approx(brier_score_loss(y, p))
    clipped = np.clip(p, 0.5 / 255, 1 - 0.5 / 255)
    assert float(negative_log_likelihood(outcomes_of(p, y))) == pytest.approx(log_loss(y, clipped))


@pytest.mark.parametrize("outcome", ["one reader", "share"])
def test_murphys_parts_add_up(outcomes_of, many, outcome):
    """Score = reliability - resolution + uncertainty, for votes and for shares of readers."""
    p, y = many
    y = y if outcome == "one reader" else (y + np.roll(y, 7)) / 2
    found = brier(outcomes_of(p, y))
    assert float(found.reliability - found.resolution + found.uncertainty) == pytest.approx(float(found.score))
    assert float(found.uncertainty) == pytest.approx(np.var(y))
    assert float(found.score) == pytest.approx(np.mean((p - y) ** 2))


def test_a_certain_mistake_costs_the_most_that_is_stored(outcomes_of):
    """Finite: -log of half a code, not infinite."""
    assert float(negative_log_likelihood(outcomes_of([0, 1], [1, 0]))) == pytest.approx(np.log(510))


def test_no_positive_still_has_a_score(outcomes_of):
    """Brier score and likelihood are defined wherever there is a voxel, and null without one."""
    nothing = outcomes_of([0.1, 0.3], [0, 0])
    assert float(brier(nothing).score) == pytest.approx(0.05)
    assert float(negative_log_likelihood(nothing)) > 0
    empty = Outcomes(nothing.forecasts, nothing.observed, nothing.counts * 0)
    assert np.isnan(brier(empty).score)
    assert np.isnan(negative_log_likelihood(empty))
