"""What a comparison of a rater with the baseline says: how far apart, how surely, and in whose favour."""

from __future__ import annotations

from typing import Any

from ctbench.statistics.direction import Direction
from ctbench.statistics.estimate import ALPHA, t_half_width, t_p_value

__all__ = ["VERDICT", "judged", "judged_by_t", "nobody"]

VERDICT = ("difference", "low", "high", "p", "higher", "better")
"""The columns that every comparison has."""


def judged(
    difference: float, half_width: float, p: float, names: tuple[str, str], direction: Direction
) -> dict[str, Any]:
    """Lay out a comparison of two raters.

    Args:
        difference: the first's mean minus the second's.
        half_width: half of its 95 % interval.
        p: of the difference being 0.
        names: rater and baseline.
        direction: which way the scores are good.

    Returns:
        ``difference, low, high, p``; ``higher``, the name of who has the higher mean (empty if equal); ``better``, the
        name of who is better with p < .05 (empty if nobody is).
    """
    high, low = names if difference > 0 else names[::-1]
    winner = {Direction.HIGHER: high, Direction.LOWER: low, Direction.NEITHER: ""}[direction]
    return {
        "difference": difference,
        "low": difference - half_width,
        "high": difference + half_width,
        "p": p,
        "higher": high if abs(difference) > 0 else "",
        "better": winner if p < ALPHA and abs(difference) > 0 else "",
    }


def judged_by_t(
    difference: float, error: float, degrees: float, names: tuple[str, str], direction: Direction
) -> dict[str, Any]:
    """Lay out a comparison whose test is a t test, given its standard error and degrees of freedom."""
    half, p = t_half_width(error, degrees), t_p_value(difference, error, degrees)
    return judged(difference, half, p, names, direction)


def nobody(counts: dict[str, int]) -> str:
    """Say which raters have no values; empty if all have."""
    absent = [name for name, count in counts.items() if not count]
    return f"no values of {' and '.join(absent)}" if absent else ""
