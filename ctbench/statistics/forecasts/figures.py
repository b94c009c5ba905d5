"""Figures of probability forecasts, all by name, of pooled cases with bootstrap intervals clustered by patient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ctbench.statistics.estimate import ALPHA, Estimate
from ctbench.statistics.forecasts.calibration import calibration_error, ks_error
from ctbench.statistics.forecasts.discrimination import auroc, average_precision
from ctbench.statistics.forecasts.scoring_rules import brier, negative_log_likelihood
from ctbench.statistics.forecasts.soft_dice import minimum_dice, product_dice, threshold_dice
from ctbench.statistics.forecasts.table import Outcomes

__all__ = ["FIGURES", "pooled_figures", "pooled_outcomes"]

Numbers = NDArray[np.float64]

FIGURES: Mapping[str, Callable[[Outcomes], Numbers]] = MappingProxyType(
    {
        "ece": calibration_error,
        "ace": lambda outcomes: calibration_error(outcomes, "average"),
        "mce": lambda outcomes: calibration_error(outcomes, "maximum"),
        "ks": ks_error,
        "brier": lambda outcomes: brier(outcomes).score,
        "brier_reliability": lambda outcomes: brier(outcomes).reliability,
        "brier_resolution": lambda outcomes: brier(outcomes).resolution,
        "brier_uncertainty": lambda outcomes: brier(outcomes).uncertainty,
        "nll": negative_log_likelihood,
        "auroc": auroc,
        "average_precision": average_precision,
        "soft_dice_qubiq": lambda outcomes: threshold_dice(outcomes, "qubiq").value,
        "soft_dice_mbh_seg": lambda outcomes: threshold_dice(outcomes, "mbh-seg").value,
        "soft_dice_curvas_2025": lambda outcomes: threshold_dice(outcomes, "curvas-2025").value,
        "soft_dice_min": minimum_dice,
        "soft_dice_product": product_dice,
    }
)
"""Name of a figure -> function of ``Outcomes``, NaN where it is undefined."""


def pooled_outcomes(cases: Sequence[Outcomes]) -> Outcomes:
    """Return the outcomes of several cases in one array, cases x levels x shares, on common forecasts and shares.

    Args:
        cases: One or more.
    """
    forecasts = np.unique(np.concatenate([case.forecasts for case in cases]))
    observed = np.unique(np.concatenate([case.observed for case in cases]))
    counts = np.zeros((len(cases), len(forecasts), len(observed)))
    for own, case in zip(counts, cases, strict=True):
        levels, shares = np.searchsorted(forecasts, case.forecasts), np.searchsorted(observed, case.observed)
        own[np.ix_(levels, shares)] = case.counts
    return Outcomes(forecasts, observed, counts)


def pooled_figures(
    cases: Sequence[Outcomes],
    patients: Sequence[str],
    figures: Sequence[str] | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Return figures of all voxels of several cases, with percentile intervals of a bootstrap of patients.

    Args:
        cases: Outcomes of each case, in one domain, for one structure.
        patients: Patient of each case.
        figures: Names in ``FIGURES``; None: all.
        resamples: Number of bootstrap samples; 0: no intervals.
        seed: Seed of the bootstrap.

    Returns:
        Name -> estimate; ``n`` is the number of cases with a voxel in the domain. Intervals are NaN for fewer than two
        patients. A bootstrap sample in which a figure is undefined is left out of its interval.
    """
    names = tuple(FIGURES if figures is None else figures)
    kept = [place for place, case in enumerate(cases) if case.total > 0]
    if not kept:
        return {name: Estimate(np.nan, reason="no voxel in the domain") for name in names}
    by_case = pooled_outcomes([cases[place] for place in kept])
    owners = np.unique([patients[place] for place in kept], return_inverse=True)[1].ravel()
    pooled = Outcomes(by_case.forecasts, by_case.observed, by_case.counts.sum(axis=0))
    drawn = _resampled(by_case, owners, resamples, seed) if resamples and owners.max() > 0 else None
    found = {}
    for name in names:
        value, low, high = float(FIGURES[name](pooled)), np.nan, np.nan
        if drawn is not None and not np.isnan(value):
            values = FIGURES[name](drawn)
            low, high = np.nanquantile(values, [ALPHA / 2, 1 - ALPHA / 2])
        reason = "undefined: nothing is positive, or nothing is negative" if np.isnan(value) else ""
        found[name] = Estimate(value, float(low), float(high), len(kept), len(cases) - len(kept), reason)
    return found


def _resampled(by_case: Outcomes, owners: NDArray[np.intp], resamples: int, seed: int) -> Outcomes:
    number = int(owners.max()) + 1
    times = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), resamples)
    counts = np.tensordot(times[:, owners].astype(np.float64), by_case.counts, axes=1)
    return Outcomes(by_case.forecasts, by_case.observed, counts)
