"""Forecasts with known figures: ten predictions of MetricsReloaded's own test, and three readers of four voxels."""

import numpy as np
import pytest

from ctbench.statistics.forecasts import Outcomes

P = np.array([0.22, 0.48, 0.49, 0.96, 0.55, 0.64, 0.78, 0.82, 0.34, 0.87])
Y = np.array([0, 1, 0, 0, 1, 1, 1, 1, 1, 0])


@pytest.fixture
def outcomes_of():
    """A function that counts forecasts and outcomes, voxel by voxel."""

    def make(forecasts, observed):
        levels, row = np.unique(np.asarray(forecasts, float), return_inverse=True)
        shares, column = np.unique(np.asarray(observed, float), return_inverse=True)
        counts = np.zeros((len(levels), len(shares)))
        np.add.at(counts, (row, column), 1)
        return Outcomes(levels, shares, counts)

    return make


@pytest.fixture
def ten(outcomes_of):
    """Ten predictions of one class, as in MetricsReloaded's tests."""
    return outcomes_of(P, Y)


@pytest.fixture
def many():
    """2000 forecasts with ties and their outcomes: p, y."""
    rng = np.random.default_rng(4)
    forecasts = rng.integers(0, 256, 2000) / 255
    return forecasts, (rng.random(2000) < forecasts**2).astype(int)


@pytest.fixture
def readers():
    """Three readers of four voxels: vote shares 1, 2/3, 2/3, 0."""
    return [np.array(mask, bool) for mask in ([1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 1, 0])]
