"""The columns of a comparison of two raters: difference, interval, p, who has the higher mean, who is better."""

from __future__ import annotations

from typing import Any

from ctbench.statistics.direction import Direction
from ctbench.statistics.estimate import ALPHA, t_half_width, t_p_value

__all__ = ["COMPARISON", "compared", "compared_by_t", "without_values"]

COMPARISON = ("difference", "low", "high", "p", "higher", "better")
"""Names of these columns."""


def compared(
    difference: float, half_width: float, p: float, names: tuple[str, str], direction: Direction
) -> dict[str, Any]:
    """Return the columns of a comparison of two raters.

    Args:
        difference: Mean of the rater minus mean of the baseline.
        half_width: Half-width of its 95 % interval.
        p: P value of the test that the difference is 0.
        names: Names of the rater and of the baseline.
        direction: Whether higher or lower scores are better, or neither.

    Returns:
        ``difference, low, high, p``; ``higher``: name of the rater with the higher mean (empty if equal); ``better``:
        name of the better rater if p < .05 (else empty).
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


def compared_by_t(
    difference: float, error: float, degrees: float, names: tuple[str, str], direction: Direction
) -> dict[str, Any]:
    """Return the columns of a comparison by t test, from the standard error and the degrees of freedom."""
    half, p = t_half_width(error, degrees), t_p_value(difference, error, degrees)
    return compared(difference, half, p, names, direction)


def without_values(counts: dict[str, int]) -> str:
    """Return the reason "no values of ..." for raters with a count of 0; empty if there are none."""
    absent = [name for name, count in counts.items() if not count]
    return f"no values of {' and '.join(absent)}" if absent else ""
