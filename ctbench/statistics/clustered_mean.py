"""The mean of paired differences with a standard error that is robust to clusters, such as scans of one patient."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.statistics.missing import Numbers

__all__ = ["ClusteredMean", "clustered_mean"]


class ClusteredMean(NamedTuple):
    """A mean, its standard error, and the degrees of freedom of its t test; NaN and 0 where there is no test."""

    mean: float
    error: float
    degrees: float


def clustered_mean(values: Numbers, clusters: NDArray[np.integer]) -> ClusteredMean:
    """Return the mean of values that are correlated within clusters.

    The standard error is the bias-reduced one (CR2) of Bell and McCaffrey (Survey Methodology 2002;28:169-181), with
    their Satterthwaite degrees of freedom, for a model of a constant only: a cluster of n_g of N values has the weight
    1 / (1 - n_g / N). Where each value is a cluster of its own, it is that of the ordinary t test with N - 1 degrees of
    freedom.

    Args:
        values: The N values.
        clusters: The cluster of each value, as integers.
    """
    n = len(values)
    _, own, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    mean = float(values.mean()) if n else math.nan
    if len(sizes) < 2:
        return ClusteredMean(mean, math.nan, 0.0)
    sums = np.bincount(own, weights=values - mean)
    weights = 1 / (1 - sizes / n)
    # Covariances of the weighted sums of residuals of two clusters, if values were independent with variance 1, are
    # -root(scaled[i] * scaled[j]) / n, variances are the sizes; degrees are trace^2 over the sum of their squares.
    scaled = weights * sizes**2
    squares = (sizes**2).sum() + (scaled.sum() ** 2 - (scaled**2).sum()) / n**2
    degrees = round(float(n**2 / squares), 12)
    return ClusteredMean(mean, math.sqrt(float(weights @ sums**2)) / n, degrees)
