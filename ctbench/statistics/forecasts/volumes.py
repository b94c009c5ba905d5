"""Volume forecasts against readers' volumes: CRPS of a normal distribution and of an ensemble, Cramér distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from ctbench.errors import UsageError

__all__ = ["cramer_distance", "crps_ensemble", "crps_normal"]

Numbers = NDArray[np.float64]


def crps_normal(mean: ArrayLike, sd: ArrayLike, observed: ArrayLike) -> Numbers:
    """Return the continuous ranked probability score of a normal forecast, in the unit of the volumes.

    The closed form of Gneiting et al. (Mon Weather Rev 2005;133:1098-1118): it does not saturate far from the forecast.
    With a standard deviation of 0 it is the absolute difference. Average it over readers.

    Args:
        mean: The forecast's mean.
        sd: Its standard deviation, 0 or more.
        observed: A reader's volume. The arguments are broadcast.

    Example:
        >>> crps_normal(0, 1, [0, 1, 3, 10]).round(6).tolist()
        [0.233695, 0.602441, 2.436575, 9.43581]
    """
    mean, sd, observed = np.broadcast_arrays(*(np.asarray(one, np.float64) for one in (mean, sd, observed)))
    if (sd < 0).any():
        msg = f"expected a standard deviation of 0 or more, got {sd.min()}"
        raise UsageError(msg)
    z = (observed - mean) / np.where(sd > 0, sd, 1.0)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    spread = sd * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    return np.asarray(np.where(sd > 0, spread, np.abs(observed - mean)))


def crps_ensemble(members: ArrayLike, observed: float, *, fair: bool = False) -> float:
    """Return the continuous ranked probability score of an ensemble: mean |x - y| - mean |x - x'| / 2.

    Gneiting and Raftery, J Am Stat Assoc 2007;102:359-378.

    Args:
        members: Volumes of the ensemble, e.g. of a model's samples.
        observed: A reader's volume.
        fair: Whether pairs of a member with itself are left out, which makes it unbiased for small ensembles (Ferro,
            Q J R Meteorol Soc 2014;140:1917-1923). It needs two members.

    Raises:
        UsageError: There are too few members.

    Example:
        >>> round(crps_ensemble([9, 10, 12], 30), 6), round(crps_ensemble([9, 10, 12], 30, fair=True), 6)
        (19.0, 18.666667)
    """
    values = np.asarray(members, np.float64).ravel()
    pairs = len(values) * (len(values) - 1 if fair else len(values))
    if not pairs:
        msg = f"expected {'two members' if fair else 'one member'} or more, got {len(values)}"
        raise UsageError(msg)
    spread = np.abs(values[:, None] - values).sum() / pairs
    return float(np.abs(values - observed).mean() - spread / 2)


def cramer_distance(forecast: ArrayLike, observed: ArrayLike) -> float:
    """Return the integral of (F - G)^2 for the distribution functions of two sets of volumes.

    With one observed volume it is the ``crps_ensemble``; it is 0 for equal sets.

    Raises:
        UsageError: A set is empty.
    """
    first, second = (np.sort(np.asarray(one, np.float64).ravel()) for one in (forecast, observed))
    if not (len(first) and len(second)):
        msg = "expected one volume or more in each set"
        raise UsageError(msg)
    points = np.unique(np.concatenate([first, second]))
    gap = np.searchsorted(first, points, side="right") / len(first) - np.searchsorted(
        second, points, side="right"
    ) / len(second)
    return float((gap[:-1] ** 2 * np.diff(points)).sum())
