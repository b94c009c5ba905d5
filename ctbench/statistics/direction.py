"""Which way a metric is good: the one place that says so."""

from __future__ import annotations

from enum import StrEnum

import pandas as pd

__all__ = ["Direction", "direction_in", "direction_of"]


class Direction(StrEnum):
    """Whether more of a metric is better, less of it, or neither."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


_HIGHER = frozenset({"dice", "jaccard", "sensitivity", "precision", "nsd", "nsd_voxel"})
_LOWER = frozenset(
    {"hd", "hd95", "hd95_pooled", "assd", "masd", "volume_difference_absolute_ml", "rvd_absolute", "seconds"}
)


def direction_of(metric: str) -> Direction:
    """Say which way a metric is good.

    Volumes and signed differences are good neither way; so is, to be careful, a metric that nobody knows.

    Args:
        metric: a name of the column ``metric``.
    """
    if metric in _HIGHER:
        return Direction.HIGHER
    return Direction.LOWER if metric in _LOWER else Direction.NEITHER


def direction_in(scores: pd.DataFrame, direction: Direction | str | None = None) -> Direction:
    """Say which way the scores of a table are good.

    Args:
        scores: scores of one metric.
        direction: what the caller knows; None: by the column ``metric``, or ``higher`` if there is none.
    """
    if direction is not None:
        return Direction(direction)
    return direction_of(str(scores["metric"].iloc[0])) if "metric" in scores.columns else Direction.HIGHER
