"""Whether higher or lower values of a metric are better."""

from __future__ import annotations

from enum import StrEnum

import pandas as pd

from ctbench.metric_descriptions import DESCRIPTIONS

__all__ = ["Direction", "direction_in", "direction_of"]


class Direction(StrEnum):
    """Whether more of a metric is better, less of it, or neither."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


_SECONDS = "seconds"
"""Time is no metric of a label map, but raters can be ranked by it."""


def direction_of(metric: str) -> Direction:
    """Return whether higher or lower values of a metric are better.

    Volumes, signed differences and unknown metrics have no better direction.

    Args:
        metric: Name, as in the column ``metric``.
    """
    better = DESCRIPTIONS[metric].better if metric in DESCRIPTIONS else None
    if better == "higher":
        return Direction.HIGHER
    return Direction.LOWER if better == "lower" or metric == _SECONDS else Direction.NEITHER


def direction_in(scores: pd.DataFrame, direction: Direction | str | None = None) -> Direction:
    """Return whether higher or lower scores of a table are better.

    Args:
        scores: scores of one metric.
        direction: what the caller knows; None: by the column ``metric``, or ``higher`` if there is none.
    """
    if direction is not None:
        return Direction(direction)
    return direction_of(str(scores["metric"].iloc[0])) if "metric" in scores.columns else Direction.HIGHER
