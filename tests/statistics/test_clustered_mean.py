"""Means of clustered differences against the matrix form of CR2, and against the ordinary t test."""

import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power

from ctbench.statistics.clustered_mean import clustered_mean


def by_matrices(values, clusters):
    """CR2 and Bell and McCaffrey's degrees of freedom as they are written: with hat matrix and inverse roots."""
    n = len(values)
    design = np.ones((n, 1))
    hat = design @ np.linalg.inv(design.T @ design) @ design.T
    residuals = (np.eye(n) - hat) @ values
    variance, columns = 0.0, []
    for cluster in np.unique(clusters):
        own = np.flatnonzero(clusters == cluster)
        adjusted = fractional_matrix_power(np.eye(len(own)) - hat[np.ix_(own, own)], -0.5).real
        weights = np.ones(len(own)) @ adjusted / n
        variance += (weights @ residuals[own]) ** 2
        columns.append((np.eye(n) - hat)[:, own] @ weights)
    roots = np.linalg.eigvalsh(np.array(columns) @ np.array(columns).T)
    return np.sqrt(variance), roots.sum() ** 2 / (roots**2).sum()


@pytest.mark.parametrize("seed", range(5))
def test_error_and_degrees_are_those_of_the_matrices(seed):
    """Uneven clusters, drawn at random."""
    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, 5, 14)
    values = rng.normal(size=14) + rng.normal(size=5)[clusters]
    found = clustered_mean(values, clusters)
    assert found.mean == pytest.approx(values.mean())
    assert (found.error, found.degrees) == pytest.approx(by_matrices(values, clusters))


def test_single_scans_are_an_ordinary_t_test():
    """With a patient for each case: standard deviation over the root of n, and n - 1 degrees of freedom."""
    values = np.array([1.0, 2.0, 4.0, 7.0])
    found = clustered_mean(values, np.arange(4))
    assert found.error == pytest.approx(values.std(ddof=1) / 2)
    assert found.degrees == 3


def test_one_patient_is_no_sample():
    """No test with one cluster, or without values."""
    assert clustered_mean(np.array([1.0, 2.0]), np.array([0, 0])).degrees == 0
    assert np.isnan(clustered_mean(np.array([]), np.array([], int)).mean)
