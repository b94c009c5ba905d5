"""Agreement of several readers on presence: kappa, AC1 and positive agreement, with intervals over clusters."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctbench.errors import UsageError
from ctbench.statistics.estimate import Estimate, t_half_width
from ctbench.statistics.missing import Numbers

__all__ = ["PresenceAgreement", "presence_agreement"]


_ROUNDING = 1e-12


class PresenceAgreement(NamedTuple):
    """Agreement of readers on whether something is there.

    Attributes:
        kappa: Fleiss' kappa. Where few units are without a finding by every reader it is low, and can be below 0,
            however well readers agree: of lesion candidates somebody found each.
        ac1: Gwet's AC1, which does not have this paradox.
        positive: Positive agreement: how probable it is that a second reader finds what one reader found. It needs no
            units in which nobody found anything, and of two readers it is the F1 score of their findings.
    """

    kappa: Estimate
    ac1: Estimate
    positive: Estimate


def presence_agreement(found: ArrayLike, read: ArrayLike, clusters: ArrayLike) -> PresenceAgreement:
    """Return how far readers agree on presence, for units with any number of readers.

    Fleiss, Psychological Bulletin 1971;76:378-382, with the mean share of each unit for unequal numbers of readers;
    Gwet, British Journal of Mathematical and Statistical Psychology 2008;61:29-48; positive agreement of several
    readers: Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 3rd edition, 2003, chapter 18.
    Intervals are of a jackknife that leaves out clusters, with Student's t: the lesions of a patient are not
    independent.

    Args:
        found: Number of readers who found something in each unit (lesion candidate, case).
        read: Number of readers who read the unit. Units with one reader are left out and counted.
        clusters: The cluster of each unit, e.g. its patient.

    Returns:
        Estimates over ``n`` units; NaN with a reason if no unit has two readers or nothing can disagree.

    Raises:
        UsageError: The arrays differ in length, or more readers found something than read the unit.

    Example:
        >>> agreement = presence_agreement([2, 2, 1, 0], [2, 2, 2, 2], [1, 2, 3, 4])
        >>> [round(one.value, 3) for one in agreement]
        [0.467, 0.529, 0.8]
    """
    own = [np.asarray(found, np.float64), np.asarray(read, np.float64), np.asarray(clusters)]
    if len({one.shape for one in own}) > 1 or own[0].ndim != 1 or (own[0] < 0).any() or (own[0] > own[1]).any():
        msg = f"expected numbers 0 <= found <= read of the same units, got shapes {own[0].shape} and {own[1].shape}"
        raise UsageError(msg)
    several = own[1] > 1
    left_out = int((~several).sum())
    found, read, clusters = (one[several] for one in own)
    if not len(found):
        none = Estimate(math.nan, left_out=left_out, reason="no unit has two readers")
        return PresenceAgreement(none, none, none)
    names, numbers = np.unique(clusters, return_inverse=True)
    sums = np.stack([np.bincount(numbers, weights=term, minlength=len(names)) for term in _terms(found, read)])
    whole, without = _statistics(sums.sum(axis=1)), _statistics(sums.sum(axis=1, keepdims=True) - sums)
    alike = "all readers agree everywhere that it is there, or that it is not"
    limits = ((-1.0, alike), (-1.0, alike), (0.0, "nobody found anything"))
    return PresenceAgreement(
        *(
            _estimate(float(value), parts, *limit, n=len(found), left_out=left_out)
            for value, parts, limit in zip(whole, without, limits, strict=True)
        )
    )


def _terms(found: Numbers, read: Numbers) -> list[Numbers]:
    """Return what is summed over units: 1, share who found, agreeing pairs by unit, positive pairs by reader."""
    missed = read - found
    pairs = read * (read - 1)
    agreeing = (found * (found - 1) + missed * (missed - 1)) / pairs
    return [np.ones_like(found), found / read, agreeing, found * (found - 1), found * (read - 1)]


def _statistics(sums: Numbers) -> Numbers:
    """Return kappa, AC1 and positive agreement from the sums over units; NaN where undefined."""
    n, shares, agreeing, together, positive = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        prevalence, observed = shares / n, agreeing / n
        mixed = 2 * prevalence * (1 - prevalence)
        kappa = np.where(mixed > 0, (observed - (1 - mixed)) / mixed, math.nan)
        ac1 = np.where(mixed > 0, (observed - mixed) / (1 - mixed), math.nan)
        return np.stack([kappa, ac1, np.where(positive > 0, together / positive, math.nan)])


def _estimate(
    value: float, without: NDArray[np.float64], least: float, reason: str, *, n: int, left_out: int
) -> Estimate:
    if math.isnan(value):
        return Estimate(value, n=n, left_out=left_out, reason=reason)
    clusters = len(without)
    if clusters < 2 or np.isnan(without).any() or np.ptp(without) < _ROUNDING:
        why = "one cluster" if clusters < 2 else "the value without a cluster is undefined, or always the same"
        return Estimate(value, n=n, left_out=left_out, reason=f"{why}: no interval")
    half = t_half_width(math.sqrt((clusters - 1) * float(without.var())), clusters - 1)
    return Estimate(value, max(value - half, least), min(value + half, 1.0), n=n, left_out=left_out)
