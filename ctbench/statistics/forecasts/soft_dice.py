"""Soft Dice of a probability map and the readers' vote share: at thresholds, and in product and minimum form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.statistics.forecasts.table import Outcomes

__all__ = ["PRESETS", "ThresholdDice", "minimum_dice", "product_dice", "threshold_dice"]

PRESETS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "qubiq": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        "mbh-seg": (0.1, 0.3, 0.5, 0.7, 0.9),
        "curvas-2025": (0.1, 0.24, 0.38, 0.52, 0.66, 0.8),
    }
)
"""Challenge -> thresholds; both maps are cut by ``>``. QUBIQ does not say whether it is ``>`` or ``>=``."""

Numbers = NDArray[np.float64]


class ThresholdDice(NamedTuple):
    """Dice averaged over thresholds.

    Attributes:
        value: Mean over the thresholds at which one of the maps holds a voxel; NaN if there is none.
        thresholds: How many these are. (CURVAS counts the others as 1.)
    """

    value: Numbers
    thresholds: NDArray[np.intp]


def threshold_dice(outcomes: Outcomes, thresholds: str | Sequence[float] = "qubiq") -> ThresholdDice:
    """Return the mean Dice of forecast and outcome, both cut by ``>`` at each threshold.

    Args:
        outcomes: Forecasts, and shares of readers or the votes of one.
        thresholds: Name in ``PRESETS``, or the thresholds themselves.

    Raises:
        UsageError: The preset is unknown.
    """
    if isinstance(thresholds, str):
        if thresholds not in PRESETS:
            msg = f"unknown thresholds {thresholds!r}; expected numbers, or one of {', '.join(PRESETS)}"
            raise UsageError(msg)
        thresholds = PRESETS[thresholds]
    values = []
    for threshold in thresholds:
        inside, drawn = outcomes.forecasts > threshold, outcomes.observed > threshold
        both = outcomes.counts[..., inside, :][..., drawn].sum(axis=(-1, -2))
        sizes = outcomes.counts[..., inside, :].sum(axis=(-1, -2)) + outcomes.counts[..., drawn].sum(axis=(-1, -2))
        values.append(_ratio(2 * both, sizes))
    table = np.stack(values)
    counted = ~np.isnan(table)
    total = np.where(counted, table, 0.0).sum(axis=0)
    return ThresholdDice(_ratio(total, counted.sum(axis=0)), counted.sum(axis=0))


def minimum_dice(outcomes: Outcomes) -> Numbers:
    """Return 2 sum min(p, y) / (sum p + sum y), which is 1 for a map that equals the vote share; NaN if both are 0."""
    return _soft(outcomes, np.minimum(outcomes.forecasts[:, None], outcomes.observed))


def product_dice(outcomes: Outcomes) -> Numbers:
    """Return 2 sum p y / (sum p + sum y), as in training losses; below 1 even for a map that equals the vote share."""
    return _soft(outcomes, outcomes.forecasts[:, None] * outcomes.observed)


def _soft(outcomes: Outcomes, overlap: Numbers) -> Numbers:
    sizes = outcomes.forecasts[:, None] + outcomes.observed
    return _ratio(2 * (outcomes.counts * overlap).sum(axis=(-1, -2)), (outcomes.counts * sizes).sum(axis=(-1, -2)))


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> Numbers:
    """Return part / whole, NaN where the whole is 0."""
    return np.asarray(part / np.where(whole > 0, whole, np.nan), np.float64)
